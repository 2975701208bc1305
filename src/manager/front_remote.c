/* Calls that another dsnd of this network passes on: who shows the token that both have is believed who calls. */
#include <string.h>

#include "base/mem.h"
#include "crypto/secret.h"
#include "manager/front_impl.h"
#include "manager/jsonrpc2.h"
#include "manager/remote_wire.h"

static bool has_token(const struct front *f, const struct http_request *r)
{
	const char *shown = front_bearer(r), *token = f->options.peer_token;

	return shown && strlen(shown) == strlen(token) && secret_equal(shown, token, strlen(token));
}

/* Only what this process hosts is called: whoever passes a call on has chosen it for that. */
static void serve(struct front *f, struct http_request *r)
{
	struct caller caller;
	char *call = NULL;
	size_t n = 0;
	const char *body = http_request_body(r, &n);
	struct error *e = remote_question_read(r, body, n, &caller, &call);

	if (e) {
		front_text(r, 400, e->message);
		error_free(e);
		return;
	}
	caller.passed_on = true;
	jsonrpc2_serve(r, f->options.methods, &caller, call, strlen(call), front_reply, r);
}

void front_remote(struct front *f, struct http_request *r)
{
	if (!f->options.peer_token) {
		front_text(r, 404, "no other dsnd is known here: --peer-token-file\n");
	} else if (!has_token(f, r)) {
		f->refused++;
		http_answer_header(r, "WWW-Authenticate", "Bearer");
		front_text(r, 401,
			   "this is for other dsnd of this network, which have the token of --peer-token-file\n");
	} else if (front_is_call(r)) {
		serve(f, r);
	}
}
