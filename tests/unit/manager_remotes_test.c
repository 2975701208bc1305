/* Services at another dsnd, over real HTTP: what a caller is told whatever that one does, and that it is left alone
 * while it is away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/json.h"
#include "base/loop.h"
#include "base/mem.h"
#include "http/server.h"
#include "manager/remotes.h"

#define DESCRIPTION                                                                                            \
	"{\"result\":{\"network\":\"n\",\"manager\":\"m\",\"url\":\"http://127.0.0.1:1\",\"services\":{\"a\":" \
	"true}}}"

static const struct method rows[] = {{.name = "a.ask", .may = CALLER_ANYONE}, {.name = "b.ask", .may = CALLER_ANYONE}};
static const struct service_ops a = {.name = "a", .methods = rows, .method_count = 1},
				b = {.name = "b", .methods = rows + 1, .method_count = 1},
				ours = {.name = "ours", .calls = "b"}, lonely = {.name = "lonely"};
static const struct service_ops *const known[] = {&a, &b, &ours, &lonely, NULL};
static const struct service_network network = {.name = "n", .manager = "m", .origin = "http://127.0.0.1:1"};

struct world {
	uv_loop_t loop;
	void *scope;
	struct http_server *server;
	const char *description, *answer; /* of the two kinds of calls; NULL: it hangs up */
	int status;
	unsigned looks, calls;
	char *shown; /* the last call's Authorization */
	struct methods *methods;
	struct remotes *remotes;
	char *words[8];
	unsigned answers;
	enum error_code code;
	char *said;
};

static void on_request(struct http_request *r, void *arg)
{
	struct world *w = arg;
	size_t n = 0;
	bool look = strstr(http_request_body(r, &n), "peer.describe") != NULL;
	const char *text = look ? w->description : w->answer;

	w->looks += look;
	w->calls += !look;
	w->shown = mem_strdup(w->scope, http_request_header(r, "Authorization"));
	if (text)
		http_respond(r, look ? 200 : w->status, "application/json", text, strlen(text));
	else
		mem_free(w->server);
}

static void serve(struct world *w, int port)
{
	const struct http_listen listen = {.address = "127.0.0.1", .port = port};

	assert_null(http_server_open(w->scope, &w->loop, &listen, on_request, w, &w->server));
}

static int setup(void **state)
{
	struct world *w = mem_new(NULL, struct world);

	uv_loop_init(&w->loop);
	w->scope = mem_strdup(w, "");
	w->status = 200;
	w->description = DESCRIPTION;
	serve(w, 0);
	w->methods = methods_new(w->scope);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	mem_free(w->remotes);
	mem_free(w->scope);
	loop_drain(&w->loop);
	uv_loop_close(&w->loop);
	mem_free(w);
	return 0;
}

static void turn(struct world *w)
{
	uv_run(&w->loop, UV_RUN_ONCE);
}

static struct error *opened(struct world *w, const char *const *words)
{
	static char *hosted[] = {"lonely", NULL};
	struct remotes_options *o = mem_new(w->scope, struct remotes_options);
	size_t n = 0;

	for (; words[n]; n++)
		w->words[n] = mem_strdup(w->scope, words[n]);
	*o = (struct remotes_options){
		.words = w->words, .token = "the token of both", .known = known, .hosted = hosted, .network = &network};
	return remotes_open(w->scope, &w->loop, w->methods, o, &w->remotes);
}

static void open_at_server(struct world *w)
{
	const char *words[] = {mem_printf(w->scope, "a=http://127.0.0.1:%d", http_server_port(w->server)), NULL};
	struct error *e;

	assert_null(opened(w, words));
	for (e = remotes_health(w->remotes); e && !w->looks; e = remotes_health(w->remotes)) {
		error_free(e);
		turn(w);
	}
	error_free(e);
}

static void on_answered(const struct method *row, const json_t *result, const struct error *e, void *arg)
{
	struct world *w = arg;

	(void)row;
	w->answers++;
	w->code = e ? e->code : 0;
	w->said = e ? mem_strdup(w->scope, e->message) : json_text(w->scope, result);
}

static void call(struct world *w, const char *method)
{
	const struct caller nobody = {.roles = CALLER_ANYONE};
	unsigned before = w->answers;

	method_begin(w->scope, w->methods, &nobody, method, NULL, on_answered, w);
	while (w->answers == before)
		turn(w);
}

static void told(struct world *w, enum error_code code, const char *words)
{
	call(w, "a.ask");
	if (w->code != code || !strstr(w->said, words))
		fail_msg("%s\n(%s) is not: %s", w->said, w->code ? error_code_name(w->code) : "a result", words);
}

static void wait_trouble(struct world *w, const char *words)
{
	for (;;) {
		struct error *e = remotes_health(w->remotes);
		bool is = words ? e && strstr(e->message, words) : !e;

		error_free(e);
		if (is)
			return;
		turn(w);
	}
}

static void test_answers(void **state)
{
	struct world *w = *state;

	open_at_server(w);
	wait_trouble(w, NULL);
	w->answer = "{\"result\":[1]}";
	told(w, 0, "[1]");
	assert_string_equal(w->shown, "Bearer the token of both");
	w->answer = "{\"error\":{\"message\":\"it is there\",\"data\":{\"error\":\"exists\"}}}";
	told(w, ERROR_EXISTS, "it is there");
	w->answer = "hello";
	told(w, ERROR_UNAVAILABLE, "what became of the call is not known");
	w->status = 500;
	told(w, ERROR_UNAVAILABLE, "it answers with status 500; what became");
	w->status = 401;
	told(w, ERROR_UNAVAILABLE, "does not know the token of --peer-token-file");
	assert_null(strstr(w->said, "what became"));
	w->status = 404;
	told(w, ERROR_UNAVAILABLE, "it wants --peer-token-file too");
}

static void test_away_and_back(void **state)
{
	struct world *w = *state;
	int port = http_server_port(w->server);

	open_at_server(w);
	wait_trouble(w, NULL);
	/* In the middle of a call. */
	w->answer = NULL;
	told(w, ERROR_UNAVAILABLE, "what became of the call is not known");
	wait_trouble(w, "cannot connect");
	w->calls = 0;
	told(w, ERROR_UNAVAILABLE, "cannot connect");
	assert_null(strstr(w->said, "what became"));
	w->answer = "{\"result\":[2]}";
	serve(w, port);
	wait_trouble(w, NULL);
	told(w, 0, "[2]");
	assert_int_equal(w->calls, 1);
}

static void test_others(void **state)
{
	static const struct {
		const char *description, *said;
	} descriptions[] = {
		{"{\"result\":{\"network\":\"other\",\"manager\":\"m\"}}", "its network is other, and here it is n"},
		{"{\"result\":{\"network\":\"n\"}}", "its manager is not told"},
		{"{\"result\":{\"network\":\"n\",\"manager\":\"m\",\"url\":\"x\"}}", "--public-url is to be the same"},
		{"{\"result\":{\"network\":\"n\",\"manager\":\"m\",\"url\":\"http://127.0.0.1:1\"}}",
		 "it does not say what it hosts"},
		{"{\"result\":{\"network\":\"n\",\"manager\":\"m\",\"url\":\"http://127.0.0.1:1\",\"services\":{\"a\":false}}}",
		 "does not lead it"},
		{"no", ""},
	};
	struct world *w = *state;

	open_at_server(w);
	for (size_t i = 0; i < sizeof(descriptions) / sizeof(descriptions[0]); i++) {
		w->description = descriptions[i].description;
		wait_trouble(w, descriptions[i].said);
	}
	w->description = DESCRIPTION;
	wait_trouble(w, NULL);
}

static void test_not_told(void **state)
{
	static const struct {
		const char *word, *said;
	} words[] = {
		{"a", "is not SERVICE=URL"},
		{"=http://127.0.0.1:1", "is not SERVICE=URL"},
		{"a=http://192.0.2.1:1", "in the clear"},
		{"a=ftp://127.0.0.1", ""},
		{"lonely=http://127.0.0.1:1", "lonely is hosted here"},
		{"c=http://127.0.0.1:1", "there is no service \"c\""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		const char *list[] = {words[i].word, NULL};
		struct error *e = opened(w, list);

		assert_non_null(e);
		if (!strstr(e->message, words[i].said))
			fail_msg("%s\nis not: %s", e->message, words[i].said);
		error_free(e);
	}
	open_at_server(w);
	assert_true(methods_elsewhere(w->methods, "a.ask"));
	assert_false(methods_elsewhere(w->methods, "b.ask"));
	call(w, "b.ask");
	assert_int_equal(w->code, ERROR_UNAVAILABLE);
	assert_non_null(strstr(w->said,
			       "b.ask is a method of b, which this dsnd does not host and has no --peer for: call "
			       "http://127.0.0.1:1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_away_and_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_told, setup, teardown),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
