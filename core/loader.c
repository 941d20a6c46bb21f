/* SPDX-License-Identifier: Apache-2.0 */
#include "core/loader.h"

#include <ctype.h>
#include <errno.h>
#include <dlfcn.h>
#include <ltdl.h>
#include <pthread.h>
#include <string.h>

#include "core/util/cleanup.h"
#include "core/util/str.h"

/* Made by libtool for libvmtp, or for a program that the core is linked into (unit tests). Either may be missing. */
extern const lt_dlsymlist lt_libvmtp_LTX_preloaded_symbols[] __attribute__((weak));
extern const lt_dlsymlist lt__PROGRAM__LTX_preloaded_symbols[] __attribute__((weak));

static lt_dladvise advise;
static bool ready;

static const lt_dlsymlist *builtins(void)
{
    return lt_libvmtp_LTX_preloaded_symbols ? lt_libvmtp_LTX_preloaded_symbols : lt__PROGRAM__LTX_preloaded_symbols;
}

static void start_ltdl(void)
{
    if (lt_dlinit() != 0)
        return;
    if (builtins())
        lt_dlpreload(builtins());
    /* resident: OpenSSL, mongoc and memory checkers all want code that never goes away */
    ready = lt_dladvise_init(&advise) == 0 && lt_dladvise_local(&advise) == 0 && lt_dladvise_resident(&advise) == 0;
}

/* libltdl says "file not found" for every failure, also for an undefined symbol: ask the linker itself. */
static const char *true_error(const char *path)
{
    const char *said = lt_dlerror();
    if (!path || access(path, F_OK) != 0)
        return said ? said : "not loadable";
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle)
        return "the linker can load it, libltdl cannot: perhaps there is no memory left";
    const char *words = dlerror();
    return words ? words : "not loadable";
}

/* "tool-iperf" exports tool_iperf_LTX_vmtp_plugin. */
static char *symbol_of(const char *module)
{
    char *symbol = vmtp_format("%s_LTX_vmtp_plugin", module);
    for (char *p = symbol; p && *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    return symbol;
}

int vmtp_loader_open(vmtp_ctx *ctx, const char *module, const char *path, const struct vmtp_plugin **plugin)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_ltdl);
    if (!ready)
        return vmtp_fail(ctx, VMTP_EFAIL, "libltdl does not start: out of memory?");

    VMTP_CLEAN(mem) char *builtin = path ? NULL : vmtp_format("%s.a", module);
    errno = 0; /* libltdl says "file not found" for a lack of memory too */
    lt_dlhandle handle = lt_dlopenadvise(path ? path : builtin, advise);
    if (!handle && errno == ENOMEM)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    if (!handle)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s: %s", path ? path : module, true_error(path));
    VMTP_CLEAN(mem) char *symbol = symbol_of(module);
    if (!symbol)
        return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    *plugin = lt_dlsym(handle, symbol);
    if (!*plugin)
        return vmtp_fail(ctx, VMTP_EFAIL, "%s exports no %s: not a VMTP plugin", path ? path : module, symbol);
    return VMTP_OK;
}

/* The table holds, for each module, its file name with a null address and then its symbols. */
static bool is_module_entry(const lt_dlsymlist *entry)
{
    size_t len = strlen(entry->name);
    return !entry->address && len > 2 && strcmp(entry->name + len - 2, ".a") == 0;
}

const char *vmtp_loader_builtin(size_t i)
{
    static char name[64];
    for (const lt_dlsymlist *entry = builtins(); entry && entry->name; entry++) {
        if (!is_module_entry(entry) || i-- > 0)
            continue;
        size_t len = strlen(entry->name) - 2;
        if (len >= sizeof name)
            return NULL;
        memcpy(name, entry->name, len);
        name[len] = '\0';
        return name;
    }
    return NULL;
}
