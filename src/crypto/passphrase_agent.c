#include "crypto/passphrase_agent.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/wire.h"
#include "crypto/assuan.h"

#define ANSWER_MS 3000
#define PERSON_MS 120000
#define SETTING_BYTES 400 /* of what the environment says, at most */

struct talk {
	const char *socket;
	int fd;
	int64_t deadline_ms;
	struct assuan answer;
};

/* --- the connection --- */

static struct error *check_owner(const struct talk *t)
{
	struct ucred peer = {.uid = (uid_t)-1};
	socklen_t bytes = sizeof(peer);

	if (getsockopt(t->fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0)
		return error_sys(errno, "who listens");
	if (peer.uid != geteuid() && peer.uid != 0)
		return error_new(ERROR_REFUSED,
				 "it runs as user %u, not as ours (%u): a passphrase is no business of other users",
				 (unsigned)peer.uid, (unsigned)geteuid());
	return NULL;
}

static struct error *dial(struct talk *t)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	TRY(wire_check_path(t->socket));
	memcpy(address.sun_path, t->socket, strlen(t->socket) + 1);
	/* A full backlog must not block us either. */
	t->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (t->fd < 0)
		return error_sys(errno, "socket");
	if (connect(t->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return check_owner(t);
	if (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN)
		return error_new(
			ERROR_UNAVAILABLE,
			"no agent %s there: start it, gpg-agent with \"gpgconf --launch gpg-agent\"; \"gpgconf --list-dirs agent-socket\" tells its socket",
			errno == EAGAIN ? "answers" : "listens");
	return error_sys(errno, "cannot connect");
}

/* The deadline is the whole answer's, so an agent that talks without end is given up too. */
static struct error *hear(struct talk *t)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	size_t room = 0;
	char *to = assuan_room(&t->answer, &room);

	for (;;) {
		int64_t left_ms = t->deadline_ms - clock_mono_ms();
		int ready = left_ms > 0 ? poll(&p, 1, (int)left_ms) : 0;
		ssize_t got;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready < 0)
			return error_sys(errno, "poll");
		if (ready == 0)
			return error_new(ERROR_TIMEOUT, "no answer in time");
		got = recv(t->fd, to, room, 0);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return error_new(ERROR_UNAVAILABLE, "the agent has hung up");
		assuan_arrived(&t->answer, (size_t)got);
		return NULL;
	}
}

static struct error *listen_for(struct talk *t, int64_t patience_ms)
{
	bool whole = false;

	assuan_next(&t->answer);
	t->deadline_ms = clock_mono_ms() + patience_ms;
	for (;;) {
		TRY(assuan_read(&t->answer, &whole));
		if (whole)
			return NULL;
		TRY(hear(t));
	}
}

/* One request, and its answer in t->answer. What we ask is short beside a socket's buffer, so it goes or nobody reads.
 */
static struct error *demand(struct talk *t, int64_t patience_ms, const char *request)
{
	char *line = mem_printf(NULL, "%s\n", request);
	size_t bytes = strlen(line);
	ssize_t sent = bytes <= ASSUAN_LINE_BYTES ? send(t->fd, line, bytes, MSG_NOSIGNAL) : -1;

	mem_free(line);
	if (bytes > ASSUAN_LINE_BYTES)
		return error_new(ERROR_LIMIT, "a request would have more than %d bytes", ASSUAN_LINE_BYTES);
	if (sent != (ssize_t)bytes)
		return error_new(ERROR_UNAVAILABLE, "the agent does not listen any more");
	return listen_for(t, patience_ms);
}

/* --- where the person is --- */

static struct error *tell(struct talk *t, const char *option, const char *value)
{
	char *request;
	struct error *e;

	if (!value || !*value || strlen(value) > SETTING_BYTES)
		return NULL;
	for (const char *c = value; *c; c++) {
		if ((unsigned char)*c < ' ')
			return NULL;
	}
	request = mem_printf(NULL, "OPTION %s=%s", option, value);
	e = demand(t, ANSWER_MS, request); /* an agent that does not know it does without */
	mem_free(request);
	return e;
}

static const char *terminal_name(char *name, size_t size)
{
	const char *told = getenv("GPG_TTY");

	if (told)
		return told;
	for (int fd = 0; fd <= 2; fd++) {
		if (ttyname_r(fd, name, size) == 0)
			return name;
	}
	return NULL;
}

/* As gpg tells it: without, the agent would ask where it was started itself. */
static struct error *tell_place(struct talk *t)
{
	static const struct {
		const char *option, *variable;
	} rows[] = {
		{"ttytype", "TERM"},
		{"display", "DISPLAY"},
		{"xauthority", "XAUTHORITY"},
		{"putenv=WAYLAND_DISPLAY", "WAYLAND_DISPLAY"},
		{"putenv=XDG_SESSION_TYPE", "XDG_SESSION_TYPE"},
		{"putenv=DBUS_SESSION_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"},
		{"putenv=PINENTRY_USER_DATA", "PINENTRY_USER_DATA"},
	};
	const char *locale = getenv("LC_ALL");
	char name[64];

	TRY(tell(t, "ttyname", terminal_name(name, sizeof(name))));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		TRY(tell(t, rows[i].option, getenv(rows[i].variable)));
	if (!locale)
		locale = getenv("LC_CTYPE");
	return tell(t, "lc-ctype", locale ? locale : getenv("LANG"));
}

/* --- what is asked --- */

/* Error codes of libgpg-error. */
enum {
	GPG_NO_DATA = 58,
	GPG_TIMED_OUT = 62,
	GPG_NO_PINENTRY = 85,
	GPG_BAD_PINENTRY = 86,
	GPG_CANCELED = 99,
	GPG_FULLY_CANCELED = 198
};

static struct error *refusal(const struct assuan *a, const struct passphrase_question *q)
{
	switch (a->code & 0xffff) {
	case GPG_NO_DATA:
		return error_new(
			ERROR_UNAVAILABLE,
			"it does not hold the passphrase of 0x%s, and nobody is there to be asked: give it to the agent with \"gpg-preset-passphrase --preset dsn:%s\" (docs/security.md)",
			q->address, q->address);
	case GPG_CANCELED:
	case GPG_FULLY_CANCELED:
		return error_new(ERROR_REFUSED, "no passphrase was given");
	case GPG_TIMED_OUT:
		return error_new(ERROR_TIMEOUT, "nobody gave a passphrase");
	case GPG_NO_PINENTRY:
	case GPG_BAD_PINENTRY:
		return error_new(ERROR_UNAVAILABLE, "it cannot ask (%s): is a pinentry installed, and GPG_TTY set?",
				 a->says);
	default:
		return error_new(ERROR_FAILED, "it says: %s (%u)", *a->says ? a->says : "an error", a->code);
	}
}

static struct error *clear(struct talk *t, const struct passphrase_question *q)
{
	char *request;
	struct error *e;

	if (!q->address)
		return NULL;
	request = mem_printf(NULL, "CLEAR_PASSPHRASE dsn:%s", q->address);
	e = demand(t, ANSWER_MS, request);
	mem_free(request);
	if (!e && t->answer.code)
		e = refusal(&t->answer, q);
	return e;
}

static struct error *greet(struct talk *t)
{
	TRY(listen_for(t, ANSWER_MS));
	return t->answer.code ? error_new(ERROR_FAILED, "it says: %s", t->answer.says) : NULL;
}

static struct error *get(struct talk *t, const struct passphrase_question *q, bool person)
{
	char *prompt, *request;
	struct error *e;

	if (!person && !q->address)
		return error_new(ERROR_UNAVAILABLE,
				 "the key's file names no address to ask it by, and nobody is there to be asked");
	TRY(greet(t));
	if (q->twice)
		TRY(clear(t, q));
	if (person)
		TRY(tell_place(t));
	prompt = assuan_word(NULL, q->prompt);
	request = mem_printf(prompt, "GET_PASSPHRASE --data%s%s %s%s X X %s", person ? "" : " --no-ask",
			     q->twice ? " --repeat=1" : "", q->address ? "dsn:" : "X", q->address ? q->address : "",
			     prompt);
	e = demand(t, person ? PERSON_MS : ANSWER_MS, request);
	mem_free(prompt);
	return !e && t->answer.code ? refusal(&t->answer, q) : e;
}

static struct error *hang_up(struct talk *t, struct error *e)
{
	assuan_wipe(&t->answer);
	if (t->fd >= 0)
		close(t->fd);
	return e ? error_wrap(e, "the passphrase agent at %s", t->socket) : NULL;
}

struct error *passphrase_agent_get(const void *ctx, const char *socket, const struct passphrase_question *q,
				   bool person, char **ret_passphrase)
{
	struct talk t = {.socket = socket, .fd = -1};
	struct error *e = dial(&t);

	if (!e)
		e = get(&t, q, person);
	if (!e)
		*ret_passphrase = secret_text(ctx, t.answer.data, t.answer.data_bytes);
	return hang_up(&t, e);
}

struct error *passphrase_agent_forget(const char *socket, const struct passphrase_question *q)
{
	struct talk t = {.socket = socket, .fd = -1};
	struct error *e = dial(&t);

	if (!e)
		e = greet(&t);
	if (!e)
		e = clear(&t, q);
	return hang_up(&t, e);
}
