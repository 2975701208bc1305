#include "vcli/link.h"

#define PATIENCE_MS 10000

struct bus_options link_options(const struct settings *set)
{
	return (struct bus_options){
		.url = set->bus,
		.network = set->network,
		.password_file = set->password_file,
		.ca_file = set->ca_file,
		.cert_file = set->cert_file,
		.key_file = set->key_file,
	};
}

int64_t link_patience_ms(const struct vcli *v)
{
	if (v->set.timeout_ms > 0)
		return v->set.timeout_ms;
	return v->timeout_ms > 0 && v->timeout_ms < PATIENCE_MS ? v->timeout_ms : PATIENCE_MS;
}

struct error *link_away(const struct vcli *v, const struct error *why)
{
	if (why && (why->code == ERROR_REFUSED || why->code == ERROR_INVALID))
		return error_new(why->code, "%s: %s", v->set.bus, why->message);
	return error_new(ERROR_UNAVAILABLE, "the broker at %s cannot be reached (--bus, $DSN_BUS)%s%s", v->set.bus,
			 why ? ": " : "", why ? why->message : "");
}
