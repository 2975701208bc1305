#include "manager/sessions/sessions.h"

#include <string.h>

#include "base/bucket.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "chain/signin.h"
#include "crypto/secret.h"
#include "manager/sessions/owners.h"
#include "manager/sessions/session_rows.h"
#include "manager/sessions/signing.h"

#define OWNERS_EVERY_MS 1000
#define EXPIRE_EVERY_MS 60000
/* Logins of addresses that nobody has named: of strangers, and of owners of nodes. What they push out is strangers'
 * alone, and not soon. */
#define UNNAMED_PER_S 5
#define UNNAMED_AT_ONCE 50

struct sessions {
	const struct service_host *host;
	struct challenges *challenges;
	struct owners *owners;
	struct bucket unnamed[SESSION_LISTED]; /* by standing */
	struct callers_source source;
	uint64_t begun, refused;
};

/* --- who calls --- */

static unsigned roles(const char *address, void *arg)
{
	const struct sessions *s = arg;

	return (s->host->network->open ? CALLER_CUSTOMER : 0U) |
	       (owners_has(s->owners, address) ? CALLER_SUPPLIER : 0U);
}

#define MEMBERS (CALLER_CUSTOMER | CALLER_SUPPLIER | CALLER_OPERATOR)

static struct error *find(const char *token, struct caller *ret_caller, void *arg)
{
	const struct sessions *s = arg;
	struct session_row row;
	struct caller caller;

	TRY(session_rows_find(s->host->db, token, clock_wall_ms(), &row));
	callers_known(s->host->callers, row.address, &caller);
	if (!(caller.roles & MEMBERS))
		return error_new(ERROR_REFUSED, "%s is no customer, supplier or operator any more", row.address);
	memcpy(caller.session, row.id, sizeof(caller.session));
	*ret_caller = caller;
	return NULL;
}

/* --- logging in --- */

static struct error *now(const struct sessions *s, struct signing_terms *ret)
{
	const struct service_network *n = s->host->network;

	*ret = (struct signing_terms){.chain_id = n->chain_id,
				      .challenges = s->challenges,
				      .wall_ms = clock_wall_ms(),
				      .mono_ms = clock_mono_ms()};
	return http_origin_read(n->origin, 0, &ret->origin);
}

static void challenge(struct method_call *c, void *arg)
{
	const struct sessions *s = arg;
	uint8_t address[ETH_ADDRESS_BYTES];
	struct signing_terms at;
	struct error *e = now(s, &at);

	if (!e)
		e = hex_decode(method_text(c, "address"), address, sizeof(address));
	if (e) {
		method_fail(c, e);
		return;
	}
	method_answer(c, json_pack("{s:s,s:s}", "message", signing_message(c, &at, address), "expires",
				   clock_format(c, at.wall_ms + CHALLENGES_LIFE_MS)));
}

static enum session_standing standing_of(const struct sessions *s, const char *address)
{
	if (callers_listed(s->host->callers, address))
		return SESSION_LISTED;
	return owners_has(s->owners, address) ? SESSION_OWNER : SESSION_STRANGER;
}

static struct error *admit(struct sessions *s, const struct signing_terms *at, const struct signing_proof *proof,
			   struct session_row *ret_row, struct caller *ret_caller)
{
	char *digits = hex_encode(NULL, proof->address, sizeof(proof->address));
	struct error *e = NULL;

	callers_known(s->host->callers, digits, ret_caller);
	*ret_row = (struct session_row){.made_ms = at->wall_ms,
					.used_ms = at->wall_ms,
					.expires_ms = at->wall_ms + s->host->network->lifetime_ms,
					.standing = standing_of(s, digits),
					.always = (ret_caller->roles & CALLER_OPERATOR) != 0};
	memcpy(ret_row->address, ret_caller->address, sizeof(ret_row->address));
	mem_free(digits);
	if (!(ret_caller->roles & MEMBERS))
		e = error_new(ERROR_REFUSED, "%s is no customer, supplier or operator of this network",
			      ret_caller->address);
	else if (ret_row->standing < SESSION_LISTED && !bucket_take(&s->unnamed[ret_row->standing], at->mono_ms))
		e = error_new(ERROR_LIMIT, "too many addresses log in that nobody has named");
	return e ? e : challenges_use(s->challenges, proof->nonce, proof->address, at->mono_ms);
}

static struct error *log_in(struct sessions *s, struct method_call *c, json_t **ret_answer)
{
	char token[SESSION_TOKEN_BYTES];
	struct signing_proof proof;
	struct session_row row;
	struct caller caller;
	struct signing_terms at;

	TRY(now(s, &at));
	TRY(signing_check(c, &at, method_text(c, "message"), method_text(c, "signature"), &proof));
	TRY(admit(s, &at, &proof, &row, &caller));
	TRY(session_rows_add(s->host->db, &row, token));
	*ret_answer =
		json_pack("{s:s,s:s,s:s,s:s,s:s}", "token", token, "session", row.id, "address", row.address, "roles",
			  caller_roles_text(c, caller.roles & MEMBERS), "expires", clock_format(c, row.expires_ms));
	secret_wipe(token, sizeof(token));
	return NULL;
}

static void login(struct method_call *c, void *arg)
{
	struct sessions *s = arg;
	json_t *answer = NULL;
	struct error *e = log_in(s, c, &answer);

	if (e) {
		s->refused++;
		log_debug("sessions.refused", "why=%s", log_q(e->message));
		method_fail(c, e);
		return;
	}
	s->begun++;
	method_answer(c, answer);
}

/* --- for another process of this network, which a caller has come to --- */

static void who(struct method_call *c, void *arg)
{
	struct caller caller = {.roles = CALLER_ANYONE};
	struct error *e = find(method_text(c, "token"), &caller, arg);

	if (e)
		method_fail(c, e);
	else
		method_answer(c, caller_json(&caller));
}

static void roles_of(struct method_call *c, void *arg)
{
	const struct sessions *s = arg;
	struct caller caller;

	callers_known(s->host->callers, method_text(c, "address"), &caller);
	method_answer(c, caller_json(&caller));
}

/* --- those that hold --- */

static const char *whose(const struct method_call *c)
{
	const struct caller *who = method_caller(c);

	return who->roles & CALLER_OPERATOR ? NULL : who->address;
}

static void logout(struct method_call *c, void *arg)
{
	const struct sessions *s = arg;
	const struct caller *who = method_caller(c);
	bool everywhere = method_bool(c, "everywhere");
	const char *id = method_text(c, "session");
	int64_t count = 0;
	struct error *e = NULL;

	if (!id && !everywhere)
		id = who->session;
	if (id && !*id)
		e = error_new(ERROR_INVALID, "params.session: is missing, and this call was made without a login");
	else
		e = session_rows_end(s->host->db, everywhere ? NULL : id, everywhere ? who->address : whose(c), &count);
	if (!e && !everywhere && !count)
		e = error_new(ERROR_NOT_FOUND, "params.session: there is no login \"%s\" of yours", id);
	if (e)
		method_fail(c, e);
	else
		method_answer(c, json_pack("{s:I}", "ended", (json_int_t)count));
}

static void list(struct method_call *c, void *arg)
{
	const struct sessions *s = arg;
	const struct caller *who = method_caller(c);
	json_t *rows = NULL, *row;
	struct error *e =
		session_rows_list(s->host->db, method_bool(c, "all") ? whose(c) : who->address, clock_wall_ms(), &rows);
	size_t i;

	if (e) {
		method_fail(c, e);
		return;
	}
	json_array_foreach (rows, i, row)
		json_object_set_new(
			row, "this",
			json_boolean(strcmp(json_string_value(json_object_get(row, "session")), who->session) == 0));
	method_answer(c, json_pack("{s:s,s:s,s:o}", "address", who->address, "roles",
				   caller_roles_text(c, who->roles & MEMBERS), "sessions", rows));
}

static const struct method methods[] = {
	{"session.challenge",
	 challenge,
	 CALLER_ANYONE,
	 "Tell what a wallet is to sign (ERC-4361), so that its owner may log in",
	 "`message`, to be signed as it is (EIP-191, personal_sign) within 5 minutes, and `expires`",
	 {{"address", METHOD_ADDRESS, false, NULL, NULL, 0, 0, "Who logs in"}},
	 {{0}}},
	{"session.login",
	 login,
	 CALLER_ANYONE,
	 "Log in with a signed message; each serves once",
	 "`token`, to be shown as a bearer token until `expires`; `address`, `roles`, and `session`, the login's id",
	 {{"message", METHOD_LINES, false, NULL, NULL, 1, SIGNIN_BYTES, "The message of session.challenge"},
	  {"signature", METHOD_TEXT, false, NULL, NULL, 130, 132, "Its signature: 65 bytes as hex digits"}},
	 {{ERROR_REFUSED,
	   "ask session.challenge anew and sign what it answers; who is no customer yet asks the operator"},
	  {ERROR_LIMIT, "try again in some minutes"}}},
	{"session.logout",
	 logout,
	 MEMBERS,
	 "End a login",
	 "`ended`: how many",
	 {{"session", METHOD_TEXT, true, NULL, NULL, CALLER_SESSION_DIGITS, CALLER_SESSION_DIGITS,
	   "Its id, as session.list tells it; otherwise the one by which this call is made"},
	  {"everywhere", METHOD_BOOL, true, NULL, NULL, 0, 0, "All of one's own"}},
	 {{ERROR_NOT_FOUND, "look at session.list"}}},
	{"session.list",
	 list,
	 MEMBERS,
	 "Tell who one is, and which logins hold",
	 "`address`, `roles`, and `sessions`: of each its id, address, when it was made and used, when it ends, and whether it is `this` one",
	 {{"all", METHOD_BOOL, true, NULL, NULL, 0, 0, "For an operator: everybody's"}},
	 {{0}}},
	{"session.who",
	 who,
	 CALLER_SERVICE,
	 "Tell whose login a token is",
	 "`address`, `roles`, `session`",
	 {{"token", METHOD_TEXT, false, NULL, NULL, 1, CALLER_TOKEN_MOST, "What is shown as a bearer token"}},
	 {{ERROR_REFUSED, "log in again"}}},
	{"session.roles",
	 roles_of,
	 CALLER_SERVICE,
	 "Tell which roles an address has that has proved to be itself",
	 "`address`, `roles`, `session`: none",
	 {{"address", METHOD_ADDRESS, false, NULL, NULL, 0, 0, "Whose"}},
	 {{0}}},
};

/* --- the service --- */

static const char *const told_by_standby[] = {"session.who", "session.roles", NULL};

static void ask_owners(void *state)
{
	owners_ask(((struct sessions *)state)->owners);
}

static void expire(void *state)
{
	const struct sessions *s = state;
	struct error *e = session_rows_expire(s->host->db, clock_wall_ms());

	if (e)
		log_warn("sessions.expire", "why=%s", log_q(e->message));
	error_free(e);
}

static const struct service_task tasks[] = {{OWNERS_EVERY_MS, ask_owners}, {EXPIRE_EVERY_MS, expire}, {0, NULL}};

static int sessions_destroy(struct sessions *s)
{
	callers_join(s->host->callers, NULL);
	return 0;
}

static struct error *open_sessions(const void *ctx, const struct service_host *host, void **ret_state)
{
	struct sessions *s = mem_new(ctx, struct sessions);

	s->host = host;
	s->challenges = challenges_new(s);
	s->owners = owners_new(s, host->methods);
	for (size_t i = 0; i < SESSION_LISTED; i++)
		s->unnamed[i] = (struct bucket){.per_s = UNNAMED_PER_S, .burst = UNNAMED_AT_ONCE};
	s->source = (struct callers_source){find, roles, s};
	callers_join(host->callers, &s->source);
	talloc_set_destructor(s, sessions_destroy);
	*ret_state = s;
	return NULL;
}

static void measure(struct metrics_text *t, void *state)
{
	const struct sessions *s = state;
	int64_t count = 0;

	error_free(session_rows_count(s->host->db, &count));
	metrics_gauge(t, "sessions", "Logins that hold.", (double)count);
	metrics_counter(t, "sessions_begun_total", "Logins.", s->begun);
	metrics_counter(t, "sessions_refused_total", "Logins that were refused.", s->refused);
}

const struct service_ops sessions_service = {
	.name = "sessions",
	.text = "who has logged in",
	.migrations = session_migrations,
	.migration_count = SESSION_MIGRATIONS,
	.made = session_rows_made,
	.methods = methods,
	.method_count = sizeof(methods) / sizeof(methods[0]),
	.tasks = tasks,
	.calls = "registry",
	.told_by_standby = told_by_standby,
	.open = open_sessions,
	.measure = measure,
};
