/* SPDX-License-Identifier: Apache-2.0 */
/* A disk image on its way to the cloud: from a URL to an open file that is known to be one. */
#ifndef CORE_OPENSTACK_IMAGE_FILE_H
#define CORE_OPENSTACK_IMAGE_FILE_H

#include <stddef.h>

#include "core/openstack/session.h"

struct vmtp_image_file {
    int fd;              /* -1: none */
    double size;         /* bytes; 0: unknown */
    double virtual_size; /* bytes of the disk that is in it; 0: unknown */
    const char *format;  /* as the image service calls it: "qcow2", "raw" ... */
};

/* Sees whether a file:// or http(s):// URL leads to an image; of the latter only the first bytes are fetched. */
int vmtp_image_probe(vmtp_ctx *ctx, const char *url, struct vmtp_image_file *file);

/* Opens it, downloaded to a file without a name if need be. checksum: "sha256:HEX", "sha512:HEX", "md5:HEX", HEX alone,
 * or NULL. */
int vmtp_image_fetch(vmtp_ctx *ctx, const char *url, const char *checksum, vmtp_os_progress_fn progress, void *arg,
                     struct vmtp_image_file *file);
void vmtp_image_file_close(struct vmtp_image_file *file);

/* The format of an image by its first n bytes; "raw": a disk without a mark of its own; NULL: what is none, as a text
 * or something compressed. Fills virtual_size where the format says it. */
const char *vmtp_image_format(const unsigned char *head, size_t n, double *virtual_size);

/* The path of a file:// URL. The caller frees it; NULL: not one of this machine, or out of memory. */
char *vmtp_file_url_path(const char *url);

#endif
