/* SPDX-License-Identifier: Apache-2.0 */
/* What a cloud answers: a refusal, and a catalog. */
#include "core/openstack/catalog.h"
#include "core/openstack/message.h"
#include "core/util/json.h"
#include "tests/fuzz/fuzz.h"

static void refusal(const json_t *json, const char *text, size_t size)
{
    VMTP_CLEAN(mem) char *message = vmtp_os_message(json, text, size);
    FUZZ_HOLDS(!message || (message[0] && strlen(message) <= 500));
    for (const char *c = message; c && *c; c++)
        FUZZ_HOLDS((unsigned char)*c >= ' ' && *c != 0x7F);
}

static void catalog(const json_t *json)
{
    static const char *const regions[] = {NULL, "R", ""};
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        char *endpoints[VMTP_OS_SERVICES] = {0};
        struct vmtp_os_credentials credentials = {.region = (char *)regions[i]};
        VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
        vmtp_ctx_init(&ctx, NULL);
        int rc = vmtp_os_endpoints(&ctx, &credentials, json, "p", "http://k/v3", endpoints);
        FUZZ_HOLDS(rc == VMTP_OK || (rc == VMTP_ECONFIG && ctx.causes.len));
        for (int service = 0; service < VMTP_OS_SERVICES; service++) {
            FUZZ_HOLDS(rc < 0 || (endpoints[service] && vmtp_os_is_url(endpoints[service])));
            free(endpoints[service]);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    VMTP_CLEAN(json) json_t *json = json_loadb(text, strlen(text), 0, NULL);
    refusal(json, text, strlen(text));
    catalog(json);
    return 0;
}
