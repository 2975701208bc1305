#include "manager/caller.h"

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "crypto/secret.h"

#define TOKEN_LEAST 16 /* letters: nobody guesses them */
#define TOKEN_BYTES 32 /* of one that is made here */
#define FILE_BYTES (1 << 20)
#define KEY_ONLY "-" /* in the place of a token */

struct callers_entry {
	struct caller caller;
	char *token; /* NULL: he logs in with his key */
};

struct callers {
	struct callers_entry *entries;
	size_t count;
	const struct callers_source *source; /* NULL: none */
	bool sourced;                        /* there was one, and may be again */
};

static const struct {
	const char *word;
	enum caller_role role;
} role_words[] = {
	{"anyone", CALLER_ANYONE},     {"customer", CALLER_CUSTOMER}, {"supplier", CALLER_SUPPLIER},
	{"operator", CALLER_OPERATOR}, {"service", CALLER_SERVICE},
};
#define ROLE_WORDS (sizeof(role_words) / sizeof(role_words[0]))

char *caller_roles_text(const void *ctx, unsigned roles)
{
	void *scope = mem_strdup(NULL, "");
	char *text = mem_strdup(scope, "");

	for (size_t i = 0; i < ROLE_WORDS; i++) {
		if (roles & role_words[i].role)
			text = mem_printf(scope, "%s%s%s", text, *text ? ", " : "", role_words[i].word);
	}
	text = mem_strdup(ctx, text);
	mem_free(scope);
	return text;
}

unsigned caller_role(const char *word)
{
	for (size_t i = 0; i < ROLE_WORDS; i++) {
		if (strcmp(role_words[i].word, word) == 0)
			return role_words[i].role;
	}
	return 0;
}

static int callers_wipe(struct callers *all)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->entries[i].token)
			secret_wipe(all->entries[i].token, strlen(all->entries[i].token));
	}
	return 0;
}

static void lower(const char *address, char ret[ID_DIGITS + 1])
{
	for (size_t i = 0; i < ID_DIGITS; i++)
		ret[i] = (char)tolower((unsigned char)address[i]);
	ret[ID_DIGITS] = '\0';
}

static void add(struct callers *all, const char *address, unsigned roles, const char *token)
{
	struct callers_entry *entry;

	all->entries = mem_resize(all, all->entries, struct callers_entry, all->count + 1);
	entry = &all->entries[all->count++];
	*entry = (struct callers_entry){.caller = {.roles = roles | CALLER_ANYONE},
					.token = token ? mem_strdup(all, token) : NULL};
	lower(address, entry->caller.address);
}

struct error *caller_check_token(const char *token)
{
	size_t n = strlen(token);

	if (n < TOKEN_LEAST || n > CALLER_TOKEN_MOST)
		return error_new(ERROR_INVALID, "the token has %zu letters; %d to %d, please", n, TOKEN_LEAST,
				 CALLER_TOKEN_MOST);
	for (const char *p = token; *p; p++) {
		if (*p < 0x21 || *p > 0x7e)
			return error_new(ERROR_INVALID, "the token has more than printable ASCII in it");
	}
	return NULL;
}

/* --- the operator's own --- */

static struct error *open_own(struct callers *all, const char *path, const char *self)
{
	char *token = NULL;
	struct error *e;

	if (!file_exists(path)) {
		char *made = hex_random(all, TOKEN_BYTES), *line = mem_printf(all, "%s\n", made);

		e = file_write_atomic(path, line, strlen(line), 0600);
		secret_wipe(made, strlen(made));
		secret_wipe(line, strlen(line));
		if (e)
			return e;
	}
	TRY(file_read_secret(all, path, &token));
	e = caller_check_token(token);
	if (!e)
		add(all, self, CALLER_OPERATOR | CALLER_CUSTOMER, token);
	secret_wipe(token, strlen(token));
	return e ? error_wrap(e, "%s", path) : NULL;
}

/* --- the file of others --- */

static struct error *read_roles(char *words, unsigned *ret_roles)
{
	unsigned roles = 0;

	for (char *word; (word = strsep(&words, ","));) {
		unsigned role = caller_role(word);

		if (!role || role == CALLER_SERVICE)
			return error_new(ERROR_INVALID, "\"%.40s\" is none of customer, supplier, operator", word);
		roles |= role;
	}
	*ret_roles = roles;
	return NULL;
}

static char *next_word(char **rest)
{
	char *word;

	do
		word = strsep(rest, " \t");
	while (word && !*word);
	return word;
}

/* What is said of a line never repeats it: it holds a token. */
static struct error *read_line(struct callers *all, char *line)
{
	char *address, *roles, *token;
	unsigned bits = 0;

	address = next_word(&line);
	if (!address || *address == '#')
		return NULL;
	roles = next_word(&line);
	token = next_word(&line);
	if (!hex_id_valid(address))
		return error_new(ERROR_INVALID, "begins with no address: 40 hex digits");
	if (!roles || !token || next_word(&line))
		return error_new(ERROR_INVALID, "is not ADDRESS ROLE[,ROLE...] TOKEN");
	TRY(read_roles(roles, &bits));
	if (strcmp(token, KEY_ONLY) == 0) {
		add(all, address, bits, NULL);
		return NULL;
	}
	TRY(caller_check_token(token));
	for (size_t i = 0; i < all->count; i++) {
		if (all->entries[i].token && strcmp(all->entries[i].token, token) == 0)
			return error_new(ERROR_INVALID, "has a token that is another caller's already");
	}
	add(all, address, bits, token);
	return NULL;
}

static struct error *check_mode(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return NULL; /* reading it says why */
	if (st.st_uid != geteuid())
		return error_new(
			ERROR_REFUSED,
			"%s: belongs to another user, who could make himself an operator in it; chown it to dsnd's",
			path);
	if (st.st_mode & 077)
		return error_new(ERROR_REFUSED, "%s: others may read it; chmod 0600 it, it holds tokens", path);
	return NULL;
}

static struct error *read_file(struct callers *all, const char *path)
{
	char *text = NULL, *rest;
	size_t n = 0, number = 0;
	struct error *e = NULL;

	TRY(check_mode(path));
	TRY(file_read(all, path, FILE_BYTES, &text, &n));
	rest = text;
	for (char *line; !e && (line = strsep(&rest, "\n"));) {
		number++;
		e = read_line(all, line);
	}
	secret_wipe(text, n);
	return e ? error_wrap(e, "%s:%zu", path, number) : NULL;
}

struct error *callers_open(const void *ctx, const char *own, const char *self, const char *file,
			   struct callers **ret_callers)
{
	struct callers *all = mem_new(ctx, struct callers);
	struct error *e;

	all->entries = mem_array(all, struct callers_entry, 0);
	talloc_set_destructor(all, callers_wipe);
	e = open_own(all, own, self);
	if (!e && file)
		e = read_file(all, file);
	if (e) {
		mem_free(all);
		return e;
	}
	*ret_callers = all;
	return NULL;
}

void callers_join(struct callers *all, const struct callers_source *source)
{
	all->source = source;
	all->sourced = all->sourced || source;
}

struct error *callers_find(const struct callers *all, const char *token, struct caller *ret_caller)
{
	struct caller found = {.roles = CALLER_ANYONE};
	size_t n = token ? strlen(token) : 0;
	bool known = !token;

	for (size_t i = 0; token && i < all->count; i++) {
		const struct callers_entry *entry = &all->entries[i];

		if (entry->token && strlen(entry->token) == n && secret_equal(entry->token, token, n)) {
			found = entry->caller;
			known = true;
		}
	}
	if (!known && all->source)
		return all->source->find(token, ret_caller, all->source->arg);
	if (!known && all->sourced)
		return error_new(ERROR_UNAVAILABLE, "this token is in no file, and logins cannot be looked up now");
	if (!known)
		return error_new(ERROR_REFUSED, "this token is nobody's: ask the operator for one");
	*ret_caller = found;
	return NULL;
}

static unsigned roles_of(const struct callers *all, const char address[ID_DIGITS + 1])
{
	unsigned roles = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (strcmp(all->entries[i].caller.address, address) == 0)
			roles |= all->entries[i].caller.roles;
	}
	return roles;
}

void callers_known(const struct callers *all, const char *address, struct caller *ret_caller)
{
	struct caller found = {.roles = CALLER_ANYONE};

	lower(address, found.address);
	found.roles |= roles_of(all, found.address);
	if (all->source)
		found.roles |= all->source->roles(found.address, all->source->arg);
	*ret_caller = found;
}

const char *callers_at(const struct callers *all, size_t n)
{
	return n < all->count ? all->entries[n].caller.address : NULL;
}

bool callers_listed(const struct callers *all, const char *address)
{
	char digits[ID_DIGITS + 1];

	lower(address, digits);
	return roles_of(all, digits) != 0;
}
