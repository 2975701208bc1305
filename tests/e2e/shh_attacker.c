/* A peer of a Whisper node that misbehaves, for the end-to-end tests of shhd.
 *
 *   shh_attacker ENODE ATTACK SECONDS COUNT
 *
 * What holds on to connections does so for SECONDS after it has them. One line tells what became of it:
 * {"links":n,"sent":n,"ends":{"closed":n,"open":n,"failed":n,"REASON":n}}: how its connections ended, by the reason of
 * the Disconnect that came.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "devp2p/base_message.h"
#include "devp2p/discv4_packet.h"
#include "devp2p/frame.h"
#include "devp2p/handshake.h"
#include "devp2p/snappy.h"
#include "shh_link.h"
#include "whisper/packet.h"
#include "whisper/pow.h"

#define ENDS 32
#define PATIENCE_S 20
#define PACE_SLACK_MS 100
#define SHH(code) (BASE_LENGTH + (code))

struct attack_run {
	void *ctx;
	struct enode to;
	int64_t until_ms;
	int seconds;
	size_t count;
	uint64_t most; /* envelopes to send; 0: as many as the time allows */
	uint64_t links, sent;
	uint64_t ends[ENDS + 3]; /* by reason; then open, closed, failed */
};

static bool time_left(const struct attack_run *r)
{
	return clock_mono_ms() < r->until_ms;
}

static void count_end(struct attack_run *r, int end)
{
	r->ends[end >= 0 ? (end < ENDS ? end : 0) : ENDS - 1 - end]++;
}

static struct link *open_link(struct attack_run *r, enum link_depth depth)
{
	r->links++;
	return link_open(r->ctx, &r->to, depth);
}

static void close_link(struct attack_run *r, struct link *l, int wait_ms)
{
	count_end(r, link_end_of(l, wait_ms, false));
	link_finish(l);
	mem_free(l);
}

/* --- envelopes --- */

struct envelope_kind {
	const char *name;
	int skew_s; /* of the sender's clock */
	uint32_t ttl;
	size_t data_bytes;
	double pow;
	size_t bundle; /* envelopes in a packet */
	uint64_t code;
};

static const struct envelope_kind envelope_kinds[] = {
	{"valid", 0, 60, 16, 0.2, 64, SHH_MESSAGES},    {"low-pow", 0, 50, 256, 0, 256, SHH_MESSAGES},
	{"future", 3600, 50, 64, 0, 256, SHH_MESSAGES}, {"old", -3600, 50, 64, 0, 256, SHH_MESSAGES},
	{"huge", 0, 50, 2 << 20, 0, 1, SHH_MESSAGES},   {"bundle", 0, 50, 15 << 10, 0, 1020, SHH_MESSAGES},
	{"many", 0, 50, 64, 0, 150000, SHH_MESSAGES},   {"stranger-direct", 0, 50, 4096, 0, 1, SHH_DIRECT},
};

static uint64_t find_nonce(const struct envelope_kind *k, uint32_t expiry, const uint8_t *topic, const uint8_t *data)
{
	size_t n;
	uint64_t nonce = 0;
	unsigned bits = 0;

	if (k->pow <= 0) {
		crypto_random_bytes(&nonce, sizeof(nonce));
		return nonce;
	}
	uint8_t *text = pow_short(NULL, expiry, k->ttl, topic, data, k->data_bytes, &n);
	struct pow_scan *scan = pow_scan_new(text, POW_EIP627, text, n, keccak_lanes_best());
	pow_scan_find(scan, 0, UINT32_MAX, pow_target_bits(k->pow, n, k->data_bytes, k->ttl), &nonce, &bits);
	mem_free(text);
	return nonce;
}

static void write_envelope(const struct envelope_kind *k, struct rlp_writer *w)
{
	uint8_t *data = mem_array(NULL, uint8_t, k->data_bytes), topic[TOPIC_BYTES];
	uint32_t expiry = (uint32_t)(clock_wall_ms() / 1000 + k->skew_s) + k->ttl;

	crypto_random_bytes(data, k->data_bytes);
	crypto_random_bytes(topic, sizeof(topic));
	struct envelope *e =
		envelope_new(expiry, k->ttl, topic, data, k->data_bytes, find_nonce(k, expiry, topic, data));
	rlp_write_raw(w, e->raw, e->raw_bytes);
	envelope_unref(e);
	mem_free(data);
}

/* COUNT is how many a second at most; 0: as many as it can. What it was kept from sending is not made up for: a
 * machine that stood still for a moment does not make a burst of it. *ALLOWED_MS is when the next packet may go. */
static void pace(const struct attack_run *r, size_t sent, int64_t *allowed_ms)
{
	if (!r->count)
		return;
	int64_t now_ms = clock_mono_ms();

	*allowed_ms = (now_ms > *allowed_ms + PACE_SLACK_MS ? now_ms : *allowed_ms) + (int64_t)(sent * 1000 / r->count);
	while ((now_ms = clock_mono_ms()) < *allowed_ms)
		usleep((useconds_t)(*allowed_ms - now_ms) * 1000);
}

static void flood(struct attack_run *r, const struct envelope_kind *k)
{
	struct link *l = open_link(r, LINK_STATUS);
	int64_t allowed_ms = clock_mono_ms();
	bool going = true;

	while (going && time_left(r) && (!r->most || r->sent < r->most)) {
		struct rlp_writer w;
		void *tmp = mem_strdup(r->ctx, "");

		rlp_writer_init(&w, tmp);
		if (k->code == SHH_MESSAGES)
			rlp_list_begin(&w);
		for (size_t i = 0; i < k->bundle; i++)
			write_envelope(k, &w);
		if (k->code == SHH_MESSAGES)
			rlp_list_end(&w);
		going = link_send(l, SHH(k->code), w.data, w.len, PATIENCE_S) && link_end_of(l, 0, false) == LINK_OPEN;
		r->sent += going ? k->bundle : 0;
		mem_free(tmp);
		pace(r, k->bundle, &allowed_ms);
	}
	close_link(r, l, 0);
}

/* One packet again and again: nothing in it is new. */
static void flood_same(struct attack_run *r)
{
	struct link *l = open_link(r, LINK_STATUS);
	struct rlp_writer w;
	bool going = true;

	rlp_writer_init(&w, r->ctx);
	rlp_list_begin(&w);
	for (int i = 0; i < 256; i++)
		write_envelope(&envelope_kinds[0], &w);
	rlp_list_end(&w);
	while (going && time_left(r)) {
		going = link_send(l, SHH(SHH_MESSAGES), w.data, w.len, PATIENCE_S) &&
			link_end_of(l, 0, false) == LINK_OPEN;
		r->sent += going ? 256 : 0;
	}
	close_link(r, l, 0);
}

/* --- packets that are none --- */

static const struct {
	bool status_first;
	uint64_t code;
	const char *payload;
	size_t n;
} packets[] = {
	{false, SHH(SHH_MESSAGES), "\xc0", 1},                                         /* before the status */
	{false, SHH(SHH_STATUS), "\xc1\x05", 2},                                       /* version 5 */
	{false, SHH(SHH_STATUS), "\x80", 1},                                           /* no list */
	{false, SHH(SHH_STATUS), "", 0},                                               /* nothing */
	{false, SHH(SHH_STATUS), "\xca\x06\x88\x7f\xf0\0\0\0\0\0\0", 11},              /* infinite PoW */
	{false, SHH(SHH_STATUS), "\xc4\x06\x80\x81\xff", 5},                           /* a bloom of one byte */
	{true, SHH(SHH_MESSAGES), "\x80", 1},                                          /* no list */
	{true, SHH(SHH_MESSAGES), "", 0},                                              /* nothing */
	{true, SHH(SHH_MESSAGES), "\xc1\x80", 2},                                      /* an envelope that is no list */
	{true, SHH(SHH_MESSAGES), "\xc2\xc1\x01", 3},                                  /* of one element */
	{true, SHH(SHH_MESSAGES), "\xc9\xc8\x01\x80\x84\x01\x01\x01\x01\x80", 10},     /* of four */
	{true, SHH(SHH_MESSAGES), "\xca\xc9\x01\x80\x84\x01\x01\x01\x01\x80\x80", 11}, /* ttl 0 */
	{true, SHH(SHH_MESSAGES), "\xc9\xc8\x01\x01\x83\x01\x01\x01\x80\x80", 10},     /* a topic of three bytes */
	{true, SHH(SHH_MESSAGES), "\xf8\x01\xc0", 3},             /* a long form where the short one fits */
	{true, SHH(SHH_MESSAGES), "\xfb\xff\xff\xff\xff\xc0", 6}, /* longer than the packet */
	{true, SHH(SHH_POW), "\x88\x7f\xf0\0\0\0\0\0\0", 9},      /* infinite */
	{true, SHH(SHH_POW), "\x88\x7f\xf8\0\0\0\0\0\0", 9},      /* not a number */
	{true, SHH(SHH_POW), "\x88\xbf\xf0\0\0\0\0\0\0", 9},      /* negative */
	{true, SHH(SHH_POW), "\x89\x01\0\0\0\0\0\0\0\0", 10},     /* of nine bytes */
	{true, SHH(SHH_POW), "\xc0", 1},                          /* a list */
	{true, SHH(SHH_BLOOM), "\x80", 1},                        /* empty */
	{true, SHH(SHH_BLOOM), "\x81\xff", 2},                    /* of one byte */
	{true, SHH(SHH_BLOOM), "\xc0", 1},                        /* a list */
	{true, SHH(SHH_LENGTH), "\xc0", 1},                       /* of nobody */
};

/* Each of them on a connection of its own. */
static void malformed_packets(struct attack_run *r)
{
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct link *l = open_link(r, packets[i].status_first ? LINK_STATUS : LINK_HELLO);

		r->sent += link_send(l, packets[i].code, packets[i].payload, packets[i].n, PATIENCE_S);
		close_link(r, l, 5000);
	}
}

/* Any bytes in every packet there is. */
static void random_packets(struct attack_run *r)
{
	while (time_left(r)) {
		struct link *l = open_link(r, LINK_STATUS);
		uint8_t bytes[256], code, n;
		bool going = true;

		for (int i = 0; going && i < 50; i++) {
			crypto_random_bytes(bytes, sizeof(bytes));
			crypto_random_bytes(&code, 1);
			crypto_random_bytes(&n, 1);
			going = link_send(l, SHH(code % (SHH_LENGTH + 4)), bytes, n, 1) &&
				link_end_of(l, 0, false) == LINK_OPEN;
			r->sent += going;
		}
		close_link(r, l, 0);
	}
}

/* --- frames --- */

enum { ALTER_HEADER, ALTER_HEADER_MAC, ALTER_BODY, ALTER_BODY_MAC, ALTERATIONS };

static void bad_macs(struct attack_run *r)
{
	static const uint8_t body[64] = {2, 0x04, 0xc0};

	for (size_t i = 0; i < r->count; i++) {
		struct link *l = open_link(r, LINK_STATUS);
		struct buf *out = buf_new(l, 65536);
		size_t at[ALTERATIONS] = {3, 20, 40, 0};

		link_frame(l, BASE_PING, body, sizeof(body), out);
		at[ALTER_BODY_MAC] = out->len - 1;
		out->data[at[i % ALTERATIONS]] ^= 1;
		r->sent += link_send_raw(l, out->data, out->len, PATIENCE_S);
		close_link(r, l, 5000);
	}
}

/* A frame as large as there is, all but its last bytes; then they wait. */
static void unfinished_frames(struct attack_run *r)
{
	const size_t n = FRAME_LIMIT - 16;
	struct link **links = mem_array(r->ctx, struct link *, r->count);
	uint8_t *zeros = mem_array(r->ctx, uint8_t, n);

	for (size_t i = 0; i < r->count; i++) {
		struct buf *out = buf_new(NULL, FRAME_LIMIT + 65536);

		links[i] = open_link(r, LINK_STATUS);
		if (link_end_of(links[i], 0, false) == LINK_OPEN) {
			link_frame(links[i], SHH(SHH_MESSAGES), zeros, n, out);
			r->sent += link_send_raw(links[i], out->data, out->len - 64, PATIENCE_S);
		}
		mem_free(out);
	}
	sleep((unsigned)r->seconds);
	for (size_t i = 0; i < r->count; i++)
		close_link(r, links[i], 0);
}

/* A block that says it becomes `length` bytes of zeros and has the elements for `real` of them: 64 bytes in 3. */
static size_t bomb(uint64_t length, size_t real, uint8_t *ret_block)
{
	static const uint8_t copy[] = {0xfe, 0x01, 0x00}; /* 64 bytes from one byte back */
	size_t n = 0;

	for (; length >= 0x80; length >>= 7)
		ret_block[n++] = (uint8_t)(0x80 | length);
	ret_block[n++] = (uint8_t)length;
	ret_block[n++] = 0x00; /* a literal of one byte, */
	ret_block[n++] = 0x00; /* which is zero */
	for (size_t made = 1; made + 64 <= real; made += 64) {
		memcpy(ret_block + n, copy, sizeof(copy));
		n += sizeof(copy);
	}
	return n;
}

static void bombs(struct attack_run *r)
{
	static const struct {
		uint64_t length;
		size_t real;
	} kinds[] = {
		{0xffffffff, 1 << 20},                      /* 4 GiB */
		{0x7fffffffff, 1 << 10},                    /* more than a length can be */
		{16 << 20, 16 << 20},                       /* one byte too many */
		{(16 << 20) - 64 + 1, (16 << 20) - 64 + 1}, /* all that is allowed: not RLP, so refused after it */
		{8 << 20, 1 << 10},                         /* much less than it says */
		{1 << 20, 4 << 20},                         /* more than it says */
	};
	uint8_t *block = mem_array(r->ctx, uint8_t, 2 << 20);

	for (size_t i = 0; i < r->count; i++) {
		size_t kind = i % (sizeof(kinds) / sizeof(kinds[0]));
		struct link *l = open_link(r, LINK_STATUS);
		struct buf *out = buf_new(l, FRAME_LIMIT + 65536);

		link_frame(l, SHH(SHH_MESSAGES), block, bomb(kinds[kind].length, kinds[kind].real, block), out);
		r->sent += link_send_raw(l, out->data, out->len, PATIENCE_S);
		close_link(r, l, 5000);
	}
}

/* --- those who do not read --- */

static void slow_readers(struct attack_run *r)
{
	struct link **links = mem_array(r->ctx, struct link *, r->count);

	for (size_t i = 0; i < r->count; i++)
		links[i] = open_link(r, LINK_STATUS);
	/* Pings too, whose answers nobody takes. */
	for (size_t i = 0; time_left(r); i++) {
		r->sent += link_send(links[i % r->count], BASE_PING, "\xc0", 1, 0);
		if (i % 64 == 0)
			usleep(1000);
	}
	for (size_t i = 0; i < r->count; i++)
		close_link(r, links[i], 1000);
}

/* Wants nothing, then all, then nothing: each time the node goes through its pool. */
static void fickle(struct attack_run *r)
{
	struct link *l = open_link(r, LINK_STATUS);
	bool going = true;

	while (going && time_left(r)) {
		going = link_send(l, SHH(SHH_POW), "\x88\x41\x2e\x84\x80\0\0\0\0", 9, PATIENCE_S) &&
			link_send(l, SHH(SHH_POW), "\x80", 1, PATIENCE_S) && link_end_of(l, 0, false) == LINK_OPEN;
		r->sent += 2;
	}
	close_link(r, l, 0);
}

/* --- connections --- */

enum { HALF_SILENT, HALF_PART, HALF_GARBAGE, HALF_NO_HELLO, HALF_KINDS };

static struct link *half_open_one(struct attack_run *r, size_t i)
{
	uint8_t garbage[400];
	struct link *l = open_link(r, i % HALF_KINDS == HALF_NO_HELLO ? LINK_HANDSHAKE : LINK_TCP);

	crypto_random_bytes(garbage, sizeof(garbage));
	garbage[0] = i % HALF_KINDS == HALF_PART ? 1 : 4; /* a length of some 400, of which half comes; legacy */
	if (i % HALF_KINDS == HALF_PART)
		link_send_raw(l, garbage, 200, 1);
	else if (i % HALF_KINDS == HALF_GARBAGE)
		link_send_raw(l, garbage, sizeof(garbage), 1);
	return l;
}

static void half_open(struct attack_run *r)
{
	struct link **links = mem_array(r->ctx, struct link *, r->count);

	for (size_t i = 0; i < r->count; i++)
		links[i] = half_open_one(r, i);
	sleep((unsigned)r->seconds);
	for (size_t i = 0; i < r->count; i++)
		close_link(r, links[i], 0);
}

/* Whole peers, each with a key of its own. */
static void crowd(struct attack_run *r)
{
	struct link **links = mem_array(r->ctx, struct link *, r->count);

	for (size_t i = 0; i < r->count; i++)
		links[i] = open_link(r, LINK_STATUS);
	sleep((unsigned)r->seconds);
	for (size_t i = 0; i < r->count; i++)
		close_link(r, links[i], 0);
}

/* Hello and gone, again and again. */
static void come_and_go(struct attack_run *r)
{
	while (time_left(r))
		close_link(r, open_link(r, LINK_STATUS), 0);
}

/* --- discovery --- */

static size_t datagram(struct attack_run *r, size_t i, const struct secp_key *key, uint8_t bytes[DISCV4_LIMIT * 2])
{
	struct discv4_packet p = {.expiration = (uint64_t)(clock_wall_ms() / 1000) + 20, .from.tcp = 30303};
	static const enum discv4_type types[] = {DISCV4_PING,      DISCV4_PONG,        DISCV4_FIND_NODE,
						 DISCV4_NEIGHBORS, DISCV4_ENR_REQUEST, DISCV4_PING};
	size_t n;

	(void)r;
	p.type = types[i % 6];
	if (i % 6 == 5)
		p.expiration = 1;
	n = discv4_write(key, &p, bytes);
	if (i % 7 == 6)
		bytes[40] ^= 1; /* its hash does not fit */
	if (i % 11 == 10)
		n = n / 2;
	if (i % 13 == 12) {
		crypto_random_bytes(bytes, DISCV4_LIMIT * 2);
		n = DISCV4_LIMIT * 2;
	}
	return n;
}

static void discovery(struct attack_run *r)
{
	struct sockaddr_storage address;
	uint8_t bytes[DISCV4_LIMIT * 2];
	struct secp_key key;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct error *e = enode_address(&r->to, r->to.udp, &address);

	if (fd < 0 || e)
		exit(1);
	for (size_t i = 0; time_left(r); i++) {
		if (i % 16 == 0)
			secp_key_new(&key);
		size_t n = datagram(r, i, &key, bytes);
		r->sent +=
			sendto(fd, bytes, n, MSG_DONTWAIT, (struct sockaddr *)&address, sizeof(struct sockaddr_in)) > 0;
	}
	close(fd);
}

/* --- */

static const struct {
	const char *name;
	void (*run)(struct attack_run *r);
} attacks[] = {
	{"same", flood_same},
	{"packets", malformed_packets},
	{"random", random_packets},
	{"macs", bad_macs},
	{"unfinished", unfinished_frames},
	{"bombs", bombs},
	{"slow", slow_readers},
	{"fickle", fickle},
	{"half-open", half_open},
	{"crowd", crowd},
	{"come-and-go", come_and_go},
	{"discovery", discovery},
};

static bool run(struct attack_run *r, const char *name)
{
	for (size_t i = 0; i < sizeof(envelope_kinds) / sizeof(envelope_kinds[0]); i++) {
		if (!strcmp(envelope_kinds[i].name, name)) {
			flood(r, &envelope_kinds[i]);
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		if (!strcmp(attacks[i].name, name)) {
			attacks[i].run(r);
			return true;
		}
	}
	return false;
}

static void tell(const struct attack_run *r)
{
	static const char *const others[] = {"open", "closed", "failed"};

	printf("{\"links\":%llu,\"sent\":%llu,\"ends\":{\"any\":0", (unsigned long long)r->links,
	       (unsigned long long)r->sent);
	for (int i = 0; i < ENDS + 3; i++) {
		if (!r->ends[i])
			continue;
		if (i < ENDS)
			printf(",\"%d\":%llu", i, (unsigned long long)r->ends[i]);
		else
			printf(",\"%s\":%llu", others[i - ENDS], (unsigned long long)r->ends[i]);
	}
	printf("}}\n");
}

int main(int argc, char **argv)
{
	struct attack_run r = {0};
	struct error *e;

	mem_init();
	if (argc != 5 && argc != 6) {
		fprintf(stderr, "usage: shh_attacker ENODE ATTACK SECONDS COUNT [MOST]\n");
		return 2;
	}
	e = enode_parse(argv[1], &r.to);
	if (e) {
		fprintf(stderr, "shh_attacker: %s\n", e->message);
		return 2;
	}
	r.ctx = mem_strdup(NULL, "");
	r.seconds = atoi(argv[3]);
	r.until_ms = clock_mono_ms() + r.seconds * (int64_t)1000;
	r.count = strtoul(argv[4], NULL, 10);
	r.most = argc > 5 ? strtoul(argv[5], NULL, 10) : 0;
	if (!run(&r, argv[2])) {
		fprintf(stderr, "shh_attacker: no attack \"%s\"\n", argv[2]);
		return 2;
	}
	tell(&r);
	mem_free(r.ctx);
	return 0;
}
