/* vcli's words: finding commands, refusing flags, "did you mean", and the tables they rest on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "vcli/suggest.h"
#include "vcli/whisper/whisper_message.h"
#include "vcli/words/synonyms.h"
#include "vcli/words/words.h"

static void distances(void **state)
{
	(void)state;
	assert_int_equal(suggest_distance("start", "start"), 0);
	assert_int_equal(suggest_distance("strat", "start"), 1);
	assert_int_equal(suggest_distance("sart", "start"), 1);
	assert_int_equal(suggest_distance("starrt", "start"), 1);
	assert_int_equal(suggest_distance("stadt", "start"), 1);
	assert_int_equal(suggest_distance("", "start"), 5);
	assert_int_equal(suggest_distance("start", ""), 5);
	assert_int_equal(suggest_distance("kitten", "sitting"), 3);
}

static void long_words_are_cut(void **state)
{
	char a[500], b[500];

	(void)state;
	memset(a, 'x', sizeof(a));
	memset(b, 'y', sizeof(b));
	a[sizeof(a) - 1] = b[sizeof(b) - 1] = '\0';
	assert_int_equal(suggest_distance(a, b), 63);
}

static void suggestions_are_near(void **state)
{
	struct suggest_word near = {.word = "stauts"}, far = {.word = "zebra"}, letter = {.word = "x"};

	(void)state;
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		const char *last = strrchr(c->words, ' ');

		suggest_try(&near, last ? last + 1 : c->words);
		suggest_try(&far, last ? last + 1 : c->words);
	}
	suggest_try(&letter, "y");
	assert_string_equal(near.best, "status");
	assert_null(far.best);
	assert_null(letter.best);
}

/* Words from a text, as a shell would split it. */
static struct error *find(const char *line, struct words *w)
{
	char *copy = mem_strdup(NULL, line), *argv[32] = {"vcli"}, *save = NULL;
	int argc = 1;
	struct error *e = NULL;

	for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
		argv[argc++] = word;
	memset(w, 0, sizeof(*w));
	e = words_find(copy, argc, argv, w);
	w->words = NULL;
	mem_free(copy);
	return e;
}

static void commands_are_found(void **state)
{
	static const struct {
		const char *line, *command;
		size_t arguments;
	} cases[] = {
		{"node create storage x", "node create", 2},
		{"--json node status x", "node status", 1},
		{"--bus amqp://node/ pipeline start f --timeout 3s", "pipeline start", 1},
		{"--bus=amqp://x/ help node create", "help", 2},
		{"pipeline -- start f", "pipeline start", 1},
		{"bus send queue -- --text", "bus send", 2},
		{"version", "version", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct words w;
		struct error *e = find(cases[i].line, &w);

		if (e)
			fail_msg("%s: %s", cases[i].line, e->message);
		assert_string_equal(w.command->words, cases[i].command);
		assert_int_equal(w.count - w.used, cases[i].arguments);
	}
}

static void questions_are_found(void **state)
{
	struct words w;

	(void)state;
	assert_null(find("node create --help", &w));
	assert_true(w.help);
	assert_null(find("node -h", &w));
	assert_true(w.help && !w.command);
	assert_null(find("--version", &w));
	assert_true(w.version);
	assert_null(find("", &w));
	assert_true(!w.command && w.count == 0);
}

static void slips_are_refused(void **state)
{
	static const struct {
		const char *line, *part;
	} cases[] = {
		{"nod create", "did you mean \"node\""},
		{"node crate x y", "did you mean \"node create\""},
		{"node", "one more word: create, list"},
		{"pipeline", "one more word: init, plan"},
		{"register", "\"vcli register\" wants one more word: customer, supplier, add, update, remove, list"},
		{"register remove", "\"vcli register remove\" wants one more word: node, customer, supplier"},
		{"xyzzy", "comes one of: node, pipeline"},
		{"node list --jsn", "did you mean --json"},
		{"node list --frobnicate", "no such flag"},
		{"node list --detach", "takes no such flag"},
		{"node list -j", "did you mean --json"},
		{"node list -x", "two dashes"},
		{"order film.json", "did you mean \"pipeline start\""},
		{"node ls", "did you mean \"node list\""},
		{"stop film", "did you mean \"pipeline stop\""},
		{"node stop --help", "is no command"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct words w;
		struct error *e = find(cases[i].line, &w);

		if (!e)
			fail_msg("%s: was accepted", cases[i].line);
		assert_int_equal(e->code, ERROR_INVALID);
		if (!strstr(e->message, cases[i].part))
			fail_msg("%s: %s", cases[i].line, e->message);
		error_free(e);
	}
}

/* One flag, one meaning; scripts that say the old name go on. */
static void renamed_flags_go_on(void **state)
{
	char program[] = "vcli", receive[] = "whisper", word[] = "receive", old[] = "--password-file=x",
	     count[] = "--count", three[] = "3", over[] = "--", text[] = "--password-file=y";
	char ping[] = "ping", list[] = "nodes.json";
	char *whisper[] = {program, receive, word, old, count, three, NULL},
	     *pings[] = {program, receive, ping, list, count, three, NULL},
	     *texts[] = {program, receive, over, ping, text, NULL};
	struct words w;

	(void)state;
	assert_null(words_find(NULL, 6, whisper, &w));
	assert_string_equal(whisper[3], "--whisper-password-file=x");
	assert_string_equal(whisper[4], "--count");
	mem_free(w.words);
	assert_null(words_find(NULL, 6, pings, &w));
	assert_string_equal(pings[4], "--pings");
	assert_string_equal(pings[5], "3");
	mem_free(w.words);
	assert_null(words_find(NULL, 5, texts, &w));
	assert_string_equal(texts[4], "--password-file=y");
	mem_free(w.words);
}

static void numbers_of_arguments(void **state)
{
	static const struct vcli_command c = {.words = "x", .args = "A B", .min_args = 1, .max_args = 2};
	struct error *few = words_check_args(&c, 0), *many = words_check_args(&c, 3);

	(void)state;
	assert_non_null(strstr(few->message, "usage: vcli x A B"));
	assert_non_null(strstr(many->message, "too many"));
	assert_null(words_check_args(&c, 1));
	assert_null(words_check_args(&c, 2));
	error_free(few);
	error_free(many);
}

/* The tables keep their own rules: handlers, one-line summaries, flags that exist. */
static void tables_are_whole(void **state)
{
	(void)state;
	for (const struct vcli_command *c = vcli_commands; c->words; c++) {
		assert_non_null(c->run);
		assert_non_null(c->summary);
		assert_true(c->min_args <= c->max_args);
		assert_true((c->max_args > 0) == (c->args != NULL));
		assert_true(c->summary[strlen(c->summary) - 1] != '.');
		for (const char *const *f = c->flags; f && *f; f++) {
			if (!vcli_flag(*f, strlen(*f)))
				fail_msg("%s: no row for --%s", c->words, *f);
		}
		for (const struct vcli_command *d = c + 1; d->words; d++)
			assert_string_not_equal(c->words, d->words);
	}
	for (size_t i = 0; i < vcli_flag_count; i++) {
		bool taken = i < vcli_global_count;

		assert_true(vcli_flags[i].type == CONFIG_BOOL || vcli_flags[i].arg || vcli_flags[i].choices);
		for (const struct vcli_command *c = vcli_commands; c->words; c++)
			taken = taken || vcli_takes(c, &vcli_flags[i]);
		if (!taken)
			fail_msg("--%s: no command takes it", vcli_flags[i].name);
	}
	assert_string_equal(vcli_flags[vcli_global_count - 1].name, "log-level");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(long_words_are_cut),
		cmocka_unit_test(suggestions_are_near),
		cmocka_unit_test(commands_are_found),
		cmocka_unit_test(questions_are_found),
		cmocka_unit_test(slips_are_refused),
		cmocka_unit_test(renamed_flags_go_on),
		cmocka_unit_test(numbers_of_arguments),
		cmocka_unit_test(tables_are_whole),
	};

	mem_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
