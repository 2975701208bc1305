#include "media/stat.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define MAX_DOCUMENT_BYTES (8u << 20)
#define MAX_DEPTH 32
#define MAX_STREAMS 4096
#define MAX_TEXT 512

struct reader {
	XML_Parser parser;
	struct error *error;
	int depth;
	int application_depth, stream_depth; /* 0: not inside one */
	char application[MAX_TEXT];
	char text[MAX_TEXT]; /* of the element that opened last */
	size_t text_len;
	struct media_stream *streams, *current; /* names hang on the array, so one free takes all */
	size_t count, capacity;
};

static void fail(struct reader *r, struct error *e)
{
	if (r->error)
		error_free(e);
	else
		r->error = e;
	XML_StopParser(r->parser, XML_FALSE);
}

static void add_stream(struct reader *r)
{
	if (r->count == MAX_STREAMS) {
		fail(r, error_new(ERROR_LIMIT, "nginx reports more than %d streams", MAX_STREAMS));
		return;
	}
	if (r->count == r->capacity) {
		r->capacity = r->capacity ? r->capacity * 2 : 16;
		r->streams = mem_resize(r, r->streams, struct media_stream, r->capacity);
	}
	r->current = &r->streams[r->count++];
	*r->current = (struct media_stream){.application = mem_strdup(r->streams, r->application)};
	r->stream_depth = r->depth;
}

static void XMLCALL opened(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reader *r = arg;

	(void)attributes;
	r->text_len = 0;
	if (++r->depth > MAX_DEPTH) {
		fail(r, error_new(ERROR_LIMIT, "nginx's status is nested deeper than %d", MAX_DEPTH));
		return;
	}
	if (!r->application_depth && strcmp(name, "application") == 0) {
		r->application_depth = r->depth;
		r->application[0] = '\0';
	} else if (r->application_depth && !r->stream_depth && strcmp(name, "stream") == 0) {
		add_stream(r);
	} else if (r->stream_depth && r->depth == r->stream_depth + 1 && strcmp(name, "publishing") == 0) {
		r->current->publishing = true;
	}
}

static int64_t decimal(const char *text)
{
	long long value = strtoll(text, NULL, 10);

	return value > 0 ? value : 0;
}

static void stream_value(struct reader *r, const char *name)
{
	struct media_stream *s = r->current;

	if (strcmp(name, "name") == 0 && !s->name)
		s->name = mem_strdup(r->streams, r->text);
	else if (strcmp(name, "bytes_in") == 0)
		s->bytes_in = decimal(r->text);
	else if (strcmp(name, "bw_in") == 0)
		s->bandwidth_in_bps = decimal(r->text);
	else if (strcmp(name, "nclients") == 0) {
		int64_t clients = decimal(r->text);

		s->clients = clients > INT32_MAX ? INT32_MAX : (int)clients;
	}
}

static void XMLCALL closed(void *arg, const XML_Char *name)
{
	struct reader *r = arg;

	r->text[r->text_len] = '\0';
	if (r->stream_depth && r->depth == r->stream_depth + 1)
		stream_value(r, name);
	else if (r->application_depth && r->depth == r->application_depth + 1 && strcmp(name, "name") == 0)
		memcpy(r->application, r->text, r->text_len + 1);
	if (r->depth == r->stream_depth) {
		if (!r->current->name)
			r->current->name = mem_strdup(r->streams, "");
		r->stream_depth = 0;
	} else if (r->depth == r->application_depth) {
		r->application_depth = 0;
	}
	r->depth--;
	r->text_len = 0;
}

static void XMLCALL text(void *arg, const XML_Char *s, int len)
{
	struct reader *r = arg;

	if (r->text_len + (size_t)len >= MAX_TEXT) {
		fail(r, error_new(ERROR_LIMIT, "nginx's status holds a text longer than %d bytes", MAX_TEXT));
		return;
	}
	memcpy(r->text + r->text_len, s, (size_t)len);
	r->text_len += (size_t)len;
}

static void XMLCALL doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
			    int internal)
{
	(void)name, (void)system, (void)public, (void)internal;
	fail(arg, error_new(ERROR_INVALID, "nginx's status holds a document type"));
}

struct error *media_stat_parse(const void *ctx, const char *xml, size_t len, struct media_stream **ret_streams,
			       size_t *ret_count)
{
	struct reader *r;
	struct error *e;

	if (len > MAX_DOCUMENT_BYTES)
		return error_new(ERROR_LIMIT, "nginx's status of %zu bytes is over the limit of %u", len,
				 MAX_DOCUMENT_BYTES);
	r = mem_new(ctx, struct reader);
	r->streams = mem_array(r, struct media_stream, 1);
	r->capacity = 1;
	r->parser = XML_ParserCreate(NULL);
	if (!r->parser)
		abort();
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, opened, closed);
	XML_SetCharacterDataHandler(r->parser, text);
	XML_SetStartDoctypeDeclHandler(r->parser, doctype);
	if (XML_Parse(r->parser, xml, (int)len, 1) != XML_STATUS_OK && !r->error)
		r->error = error_new(ERROR_INVALID, "nginx's status, line %lu: %s", XML_GetCurrentLineNumber(r->parser),
				     XML_ErrorString(XML_GetErrorCode(r->parser)));
	XML_ParserFree(r->parser);
	e = r->error;
	if (!e) {
		*ret_streams = talloc_steal(ctx, r->streams);
		*ret_count = r->count;
	}
	mem_free(r);
	return e;
}
