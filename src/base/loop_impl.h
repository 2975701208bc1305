/* Inside base/: handles of libuv that belong to talloc objects. For others there is base/loop.h. */
#ifndef DSN_BASE_LOOP_IMPL_H
#define DSN_BASE_LOOP_IMPL_H

#include <stddef.h>
#include <uv.h>

/* A uv handle must outlive its talloc owner until uv has closed it, so it has zeroed memory of its own. */
void *loop_handle_new(size_t size);
/* The owner goes: the handle's `data` becomes NULL, and its memory is freed once uv has closed it. */
void loop_handle_release(uv_handle_t *handle);

#endif
