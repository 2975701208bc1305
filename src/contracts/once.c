#include "contracts/once.h"

#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "crypto/keccak.h"

#define NAME_LONGEST ((size_t)64)

struct error *once_id(const void *ctx, const char *name, const uint8_t account[ETH_ADDRESS_BYTES], const char *what,
		      unsigned times, char **ret_id)
{
	char *digits;

	if (!name) {
		*ret_id = hex_random(ctx, 16);
		return NULL;
	}
	if (!*name || strlen(name) > NAME_LONGEST)
		return error_new(ERROR_INVALID, "--once: must have 1 to %zu characters", NAME_LONGEST);
	/* Of the account, whose outbox it shares with others' of this chain. */
	digits = hex_encode(NULL, account, ETH_ADDRESS_BYTES);
	*ret_id = mem_printf(ctx, "once:%s:%s:%u:%s", digits, what, times, name);
	mem_free(digits);
	return NULL;
}

/* Appends the call without what the user has not said. */
static struct error *append_said(const struct contracts_intention *in, struct buf *to)
{
	const struct codec_function *f = in->function;
	void *args;
	struct error *e;

	if (!in->forget)
		return buf_append(to, in->intent.data, in->intent.n);
	args = mem_array(to, char, f->inputs.bytes);
	e = codec_call_read(args, f, in->intent.data, in->intent.n, args);
	if (!e) {
		in->forget(args);
		e = codec_call(f, args, to);
	}
	mem_free(args);
	return e;
}

static struct error *append_all(const struct contracts_intention *in, struct buf *to)
{
	uint8_t value[U256_BYTES], creates = in->intent.creates;

	u256_to_bytes(in->intent.value, value);
	TRY(buf_append(to, in->what, strlen(in->what) + 1));
	TRY(buf_append(to, &creates, 1));
	TRY(buf_append(to, in->intent.to, ETH_ADDRESS_BYTES));
	TRY(buf_append(to, value, sizeof(value)));
	TRY(append_said(in, to));
	return in->besides ? buf_append(to, in->besides, KECCAK_BYTES) : NULL;
}

struct error *once_hash(const struct contracts_intention *in, uint8_t ret_hash[TXBOX_HASH_BYTES])
{
	struct buf *all = buf_new(NULL, 2 * ABI_CALL_BYTES);
	struct error *e = append_all(in, all);

	if (!e)
		keccak256(all->data, all->len, ret_hash);
	mem_free(all);
	return e;
}

/* What an earlier release has put has no hash. */
static struct error *hash_of_record(const struct contracts_intention *now, const struct txbox_record *before,
				    uint8_t ret_hash[TXBOX_HASH_BYTES])
{
	struct contracts_intention then = *now;

	if (before->intent.said) {
		memcpy(ret_hash, before->intent.said, TXBOX_HASH_BYTES);
		return NULL;
	}
	then.intent = before->intent;
	return once_hash(&then, ret_hash);
}

/* A name is for one thing: another that is said with it must not look as if it were done. */
struct error *once_check(const char *name, const struct contracts_intention *now, const struct txbox_record *before)
{
	uint8_t is[TXBOX_HASH_BYTES], was[TXBOX_HASH_BYTES];
	struct error *e;

	TRY(once_hash(now, is));
	e = hash_of_record(now, before, was);
	if (!e && memcmp(is, was, sizeof(is)) == 0)
		return NULL;
	error_free(e);
	return error_new(ERROR_EXISTS,
			 "--once: \"%s\" was said with other arguments before: say those again, or take another name",
			 name ? name : "");
}
