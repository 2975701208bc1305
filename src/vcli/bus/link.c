#include "vcli/bus/link.h"

struct error *vcli_link(struct vcli *v, struct client_link **ret_link)
{
	if (!v->link)
		TRY(client_link_open(v, &v->loop, &v->set.client, &v->link));
	*ret_link = v->link;
	return NULL;
}
