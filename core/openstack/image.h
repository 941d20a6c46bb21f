/* SPDX-License-Identifier: Apache-2.0 */
/* The image of the virtual machines: one that is there, or one that is uploaded. */
#ifndef CORE_OPENSTACK_IMAGE_H
#define CORE_OPENSTACK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/openstack/session.h"
#include "core/settings.h"

/* All text is owned here. */
struct vmtp_os_image {
    char *id, *name;
    char *url;              /* where it is uploaded from; NULL: it is there */
    const char *format;     /* of what is at the URL; NULL: not looked at */
    double size;            /* bytes to be uploaded; 0: unknown */
    int64_t min_disk;       /* GB that a root disk needs at least, as the image and its virtual size say */
    int64_t min_ram;        /* MB */
    bool missing;           /* vmtp_os_image_upload() is to be called; there is no id yet */
    bool ours;              /* this run has uploaded it and is to remove it */
};

/* Finds image_name, by id or name, among the active images; those of other runs (tagged "vmtp:...") are none. Missing
 * with a vm_image_url: image->missing, and the URL is proven to answer. VMTP_ECONFIG: an ambiguous name, with the
 * candidates; none, with the images that are there and what to set. Makes nothing. */
int vmtp_os_image_find(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                       struct vmtp_os_image *image);

/* Makes what is missing: a service that offers it fetches an http(s) URL itself ("web-download"), else it is downloaded
 * and uploaded. In both ways it is checked against vm_image_checksum; the first is not gone when the service sums up in
 * another way. Waits until it is active. Tracked as
 * "image" by its id before it is made; tagged with `tag` ("vmtp:RUN_UUID") as long as the run is to remove it, which is
 * until it is active, or, with delete_image_after_run, until the end. progress is told "image NAME: 34 of 320 MB"; it
 * may be NULL. To be called in acquire(). */
typedef void (*vmtp_os_tell_fn)(void *arg, const char *text);
int vmtp_os_image_upload(vmtp_ctx *ctx, struct vmtp_os_session *session, const struct vmtp_settings *settings,
                         const char *tag, vmtp_os_tell_fn progress, void *arg, struct vmtp_os_image *image);

/* Removes one, and is satisfied when there is none. Strikes nothing out of the ledger. */
int vmtp_os_image_delete(vmtp_ctx *ctx, struct vmtp_os_session *session, const char *id);

void vmtp_os_image_clear(struct vmtp_os_image *image);

#endif
