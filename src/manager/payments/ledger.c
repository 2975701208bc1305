#include "manager/payments/ledger.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "chain/logs.h"
#include "contracts/blacklist_abi.h"
#include "contracts/jobs_abi.h"
#include "contracts/roles_abi.h"

#define WHY_BYTES 200 /* of a bar's reason, as much as an operator's may have */

/* Rows are never changed: the newest of a subject says how it is. */
static const char *const tables[] = {
	logs_schema,
	"create table ledger_event(block integer not null, at integer not null, kind text not null, job integer not null, subject text not null, document blob, amount text, until_s integer, why text, primary key(block, at, subject))",
	"create index ledger_event_document on ledger_event(document) where document is not null",
	"create index ledger_event_job on ledger_event(job, kind) where job > 0",
	"create index ledger_event_subject on ledger_event(subject, kind)",
	NULL,
};
static const struct db_migration migrations[] = {{tables}};
const struct db_schema ledger_database = {
	.application_id = DB_APPLICATION_ID('L'),
	.name = "what dsnd has read of a chain",
	.migrations = migrations,
	.count = 1,
};

/* --- writing --- */

struct row {
	const char *kind;
	int64_t job; /* 0: of none */
	const uint8_t *subject, *document;
	struct u256 amount;
	bool has_amount;
	uint64_t until_s;
	const char *why;
};

/* Numbers of jobs are counted, times have 40 bits or are clamped: they fit. */
static struct error *add(struct db *db, const struct chain_log *log, const struct row *r)
{
	void *scope = mem_strdup(NULL, "");
	const char *subject = r->subject ? hex_encode(scope, r->subject, ETH_ADDRESS_BYTES) : "",
		   *amount = r->has_amount ? u256_decimal(scope, r->amount) : NULL;
	struct error *e;

	e = db_exec(db,
		    "insert into ledger_event(block,at,kind,job,subject,document,amount,until_s,why) "
		    "values(?,?,?,?,?,?,?,?,?)",
		    "iisisbsis", (int64_t)log->block, (int64_t)log->index, r->kind, r->job, subject, r->document,
		    (size_t)(r->document ? ABI_WORD : 0), amount,
		    r->until_s < INT64_MAX / 1000 ? (int64_t)r->until_s : INT64_MAX / 1000, r->why);
	mem_free(scope);
	return e;
}

/* False: no number of a job that there can be. */
static bool job_number(struct u256 id, int64_t *ret_number)
{
	uint64_t number = 0;

	if (!u256_to_u64(id, &number) || number == 0 || number > INT64_MAX)
		return false;
	*ret_number = (int64_t)number;
	return true;
}

static struct error *take_created(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_job_created_event e;
	struct row r = {.kind = "created", .subject = e.customer, .document = e.document, .has_amount = true};

	TRY(jobs_job_created_read(scope, log, &e));
	r.amount = e.budget;
	r.until_s = e.deadline;
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

static struct error *take_topped_up(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_job_topped_up_event e;
	struct row r = {.kind = "topped_up", .has_amount = true};

	TRY(jobs_job_topped_up_read(scope, log, &e));
	r.amount = e.amount;
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

static struct error *take_closing(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_job_closing_event e;
	struct row r = {.kind = "over"};

	TRY(jobs_job_closing_read(scope, log, &e));
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

static struct error *take_finished(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_job_finished_event e;
	struct row r = {.kind = "over"};

	TRY(jobs_job_finished_read(scope, log, &e));
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

static struct error *take_assigned(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_node_assigned_event e;
	struct row r = {.kind = "assigned", .subject = e.node, .has_amount = true};

	TRY(jobs_node_assigned_read(scope, log, &e));
	r.amount = e.price;
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

static struct error *take_unassigned(void *scope, struct db *db, const struct chain_log *log)
{
	struct jobs_node_unassigned_event e;
	struct row r = {.kind = "unassigned", .subject = e.node};

	TRY(jobs_node_unassigned_read(scope, log, &e));
	return job_number(e.job_id, &r.job) ? add(db, log, &r) : NULL;
}

/* As much of it as fits, without half a letter at the end. */
static char *reason(const void *ctx, struct codec_text text)
{
	size_t n = text.n < WHY_BYTES ? text.n : WHY_BYTES;

	while (n > 0 && !utf8_valid(text.data, n))
		n--;
	return n && !memchr(text.data, 0, n) ? mem_printf(ctx, "%.*s", (int)n, text.data) : mem_strdup(ctx, "");
}

/* The contract takes any bytes for a reason: one that is no text bars all the same. Subject and time stand before it.
 */
static bool barred_without_text(const struct chain_log *log, struct blacklist_barred_event *ret)
{
	if (log->topic_count != 3 || log->n < 5 * (size_t)ABI_WORD)
		return false;
	memcpy(ret->subject, log->topics[1] + ABI_TOPIC_BYTES - ETH_ADDRESS_BYTES, ETH_ADDRESS_BYTES);
	ret->reason = (struct codec_text){"", 0};
	return u256_to_u64(u256_from_bytes(log->data, ABI_WORD), &ret->until);
}

static struct error *take_barred(void *scope, struct db *db, const struct chain_log *log)
{
	struct blacklist_barred_event e;
	struct row r = {.kind = "barred", .subject = e.subject};
	struct error *invalid = blacklist_barred_read(scope, log, &e);

	if (invalid && !barred_without_text(log, &e))
		return invalid;
	error_free(invalid);
	r.until_s = e.until;
	r.why = reason(scope, e.reason);
	return add(db, log, &r);
}

static struct error *take_lifted(void *scope, struct db *db, const struct chain_log *log)
{
	struct blacklist_lifted_event e;
	const struct row r = {.kind = "lifted", .subject = e.subject};

	TRY(blacklist_lifted_read(scope, log, &e));
	return add(db, log, &r);
}

static struct error *take_granted(void *scope, struct db *db, const struct chain_log *log)
{
	struct roles_role_granted_event e;
	const struct row r = {.kind = "role_offered", .subject = e.to};

	TRY(roles_role_granted_read(scope, log, &e));
	return e.role == CONTRACTS_ROLE_MANAGER ? add(db, log, &r) : NULL;
}

/* Handed over: who had it has it no longer. */
static struct error *take_accepted(void *scope, struct db *db, const struct chain_log *log)
{
	static const uint8_t nobody[ETH_ADDRESS_BYTES];
	struct roles_role_accepted_event e;
	const struct row holder = {.kind = "role_held", .subject = e.holder},
			 from = {.kind = "role_lost", .subject = e.from};

	TRY(roles_role_accepted_read(scope, log, &e));
	if (e.role != CONTRACTS_ROLE_MANAGER)
		return NULL;
	if (memcmp(e.from, nobody, sizeof(nobody)) != 0)
		TRY(add(db, log, &from));
	return add(db, log, &holder);
}

static struct error *take_revoked(void *scope, struct db *db, const struct chain_log *log)
{
	struct roles_role_revoked_event e;
	const struct row r = {.kind = "role_lost", .subject = e.holder};

	TRY(roles_role_revoked_read(scope, log, &e));
	return e.role == CONTRACTS_ROLE_MANAGER ? add(db, log, &r) : NULL;
}

static const struct {
	const struct codec_event *event;
	struct error *(*take)(void *scope, struct db *db, const struct chain_log *log);
} kinds[] = {
	{&jobs_job_created_log, take_created},    {&jobs_job_topped_up_log, take_topped_up},
	{&jobs_job_closing_log, take_closing},    {&jobs_job_finished_log, take_finished},
	{&jobs_node_assigned_log, take_assigned}, {&jobs_node_unassigned_log, take_unassigned},
	{&blacklist_barred_log, take_barred},     {&blacklist_lifted_log, take_lifted},
	{&roles_role_granted_log, take_granted},  {&roles_role_accepted_log, take_accepted},
	{&roles_role_revoked_log, take_revoked},
};

struct error *ledger_take(struct db *db, const struct chain_log *log)
{
	void *scope = mem_strdup(NULL, "");
	struct error *e = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!log->topic_count || memcmp(log->topics[0], kinds[i].event->topic, ABI_TOPIC_BYTES) != 0)
			continue;
		e = kinds[i].take(scope, db, log);
		break;
	}
	mem_free(scope);
	return e;
}

struct error *ledger_undo(struct db *db, uint64_t from_block)
{
	return db_exec(db, "delete from ledger_event where block >= ?", "i", (int64_t)from_block);
}

/* --- jobs --- */

static struct error *on_job(const struct db_row *row, void *arg)
{
	struct ledger_job *j = arg;

	j->number = db_int(row, 0);
	snprintf(j->customer, sizeof(j->customer), "%s", db_text(row, 1));
	TRY(u256_parse(db_text(row, 2), &j->budget));
	j->deadline_s = db_int(row, 3);
	j->over = db_int(row, 4) != 0;
	return NULL;
}

static struct error *on_more(const struct db_row *row, void *arg)
{
	struct ledger_job *j = arg;
	struct u256 more;

	TRY(u256_parse(db_text(row, 0), &more));
	return u256_add(j->budget, more, &j->budget);
}

static struct error *add_more(struct db *db, struct ledger_job *j)
{
	if (!j->number)
		return NULL;
	return db_query(db, on_more, j, "select amount from ledger_event where job=? and kind='topped_up'", "i",
			j->number);
}

#define JOB_COLUMNS                                                    \
	"c.job, c.subject, c.amount, c.until_s, exists(select 1 from " \
	"ledger_event o where o.job=c.job and o.kind='over') as over"

struct error *ledger_find_job(struct db *db, const uint8_t document[ABI_WORD], const char *customer,
			      struct ledger_job *ret_job)
{
	*ret_job = (struct ledger_job){.number = 0};
	TRY(db_query(db, on_job, ret_job,
		     "select " JOB_COLUMNS " from ledger_event c where c.document=? and c.kind='created' and "
		     "c.subject=? order by over, c.job limit 1",
		     "bs", document, (size_t)ABI_WORD, customer));
	return add_more(db, ret_job);
}

struct error *ledger_get_job(struct db *db, int64_t number, struct ledger_job *ret_job)
{
	*ret_job = (struct ledger_job){.number = 0};
	TRY(db_query(db, on_job, ret_job,
		     "select " JOB_COLUMNS " from ledger_event c where c.job=? and c.kind='created' limit 1", "i",
		     number));
	return add_more(db, ret_job);
}

/* --- who works for them --- */

struct telling {
	ledger_node_fn *node;
	ledger_bar_fn *bar;
	struct ledger_bar told; /* while it is told */
	void *arg;
};

static struct error *on_node(const struct db_row *row, void *arg)
{
	const struct telling *t = arg;

	return t->node(db_text(row, 0), db_text(row, 1), t->arg);
}

struct error *ledger_nodes(struct db *db, int64_t job, ledger_node_fn *fn, void *arg)
{
	struct telling t = {.node = fn, .arg = arg};

	return db_query(
		db, on_node, &t,
		"select a.subject, a.amount from ledger_event a where a.job=? and a.kind='assigned' and not exists("
		"select 1 from ledger_event l where l.job=a.job and l.subject=a.subject and l.kind in "
		"('assigned','unassigned') and (l.block,l.at)>(a.block,a.at)) order by a.block, a.at",
		"i", job);
}

/* --- roles --- */

static struct error *on_role(const struct db_row *row, void *arg)
{
	enum ledger_role *role = arg;
	const char *kind = db_text(row, 0);

	*role = strcmp(kind, "role_held") == 0      ? LEDGER_ROLE_HELD
		: strcmp(kind, "role_offered") == 0 ? LEDGER_ROLE_OFFERED
						    : LEDGER_ROLE_NONE;
	return NULL;
}

struct error *ledger_role_of(struct db *db, const char *account, enum ledger_role *ret_role)
{
	*ret_role = LEDGER_ROLE_NONE;
	return db_query(
		db, on_role, ret_role,
		"select kind from ledger_event where subject=? and kind in ('role_offered','role_held','role_lost') "
		"order by block desc, at desc limit 1",
		"s", account);
}

/* --- bars --- */

static struct error *on_bar(const struct db_row *row, void *arg)
{
	struct telling *t = arg;

	t->told = (struct ledger_bar){db_text(row, 0), db_int(row, 1), db_text(row, 2)};
	return t->bar(&t->told, t->arg);
}

struct error *ledger_bars(struct db *db, int64_t now_s, ledger_bar_fn *fn, void *arg)
{
	struct telling t = {.bar = fn, .arg = arg};

	return db_query(
		db, on_bar, &t,
		"select b.subject, b.until_s, b.why from ledger_event b where b.kind='barred' and b.until_s>? and not "
		"exists(select 1 from ledger_event l where l.subject=b.subject and l.kind in ('barred','lifted') and "
		"(l.block,l.at)>(b.block,b.at)) order by b.until_s desc limit ?",
		"ii", now_s, (int64_t)LEDGER_BARS);
}
