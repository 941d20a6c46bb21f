/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/config.h"
#include "core/secret.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/str.h"

enum { NAMES_MAX = 200, NAME_SIZE = 128, WORDS_MAX = 2000 };

/* ---- the files ---- */

struct search {
    vmtp_ctx *ctx;
    const char *cloud;
    struct vmtp_buf places;          /* that were looked at, for the message */
    const char *names[NAMES_MAX + 1]; /* of clouds that were seen; owned by trees */
    size_t n_names;
    struct vmtp_node *trees[16];
    size_t n_trees;
};

static void search_clear(struct search *search)
{
    for (size_t i = 0; i < search->n_trees; i++)
        vmtp_node_free(search->trees[i]);
    vmtp_buf_clear(&search->places);
}

/* DIRECTORY/STEM with the first ending that exists, NULL when there is none. The caller frees it. */
static int existing(const char *directory, const char *stem, char **path)
{
    static const char *const endings[] = {"yaml", "yml", "json"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char *candidate = vmtp_format("%s%s%s.%s", directory, *directory ? "/" : "", stem, endings[i]);
        if (!candidate)
            return VMTP_ENOMEM;
        if (access(candidate, F_OK) == 0) {
            *path = candidate;
            return VMTP_OK;
        }
        free(candidate);
    }
    return VMTP_OK;
}

/* The user's directory: XDG Base Directory Specification, as the clients of OpenStack use it. */
static char *user_directory(void)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    return base && *base == '/' ? vmtp_format("%s/openstack", base) : vmtp_expand_home("~/.config/openstack");
}

/* The "clouds" of a file, NULL for a file without. The search owns the tree. */
static int read_clouds(struct search *search, const char *path, const struct vmtp_node **clouds)
{
    if (search->n_trees == sizeof search->trees / sizeof search->trees[0])
        return VMTP_OK;
    struct vmtp_node *root = NULL;
    int rc = vmtp_config_read(search->ctx, path, &root);
    if (rc < 0)
        return rc == VMTP_ENOMEM ? rc : VMTP_ECONFIG;
    search->trees[search->n_trees++] = root;
    *clouds = NULL;
    for (size_t i = 0; i < root->n; i++)
        if (strcmp(root->keys[i], "clouds") == 0)
            *clouds = root->items[i];
    if (*clouds && (*clouds)->kind != VMTP_NODE_MAP && (*clouds)->kind != VMTP_NODE_NULL)
        return vmtp_node_fail(search->ctx, *clouds, "clouds: %s where a map is expected", vmtp_node_kind_name(*clouds));
    return VMTP_OK;
}

/* The entry in a file, NULL when it is not there. Names may have dots, so vmtp_node_get() does not do. */
static struct vmtp_node *entry_of(const struct search *search, const struct vmtp_node *clouds)
{
    for (size_t i = 0; clouds && i < clouds->n; i++)
        if (strcmp(clouds->keys[i], search->cloud) == 0)
            return clouds->items[i];
    return NULL;
}

static int look_into(struct search *search, const char *path, struct vmtp_node **entry)
{
    const struct vmtp_node *clouds = NULL;
    int rc = read_clouds(search, path, &clouds);
    if (rc < 0)
        return rc;
    *entry = entry_of(search, clouds);
    for (size_t i = 0; clouds && i < clouds->n && search->n_names < NAMES_MAX; i++)
        search->names[search->n_names++] = clouds->keys[i];
    if (*entry && (*entry)->kind != VMTP_NODE_MAP)
        return vmtp_node_fail(search->ctx, *entry, "cloud '%s': %s where a map is expected", search->cloud,
                              vmtp_node_kind_name(*entry));
    return VMTP_OK;
}

/* Calls for a stem in each directory, in order, until *entry is found. *path is the file that has it. */
static int look_everywhere(struct search *search, const char *stem, const char *first, struct vmtp_node **entry,
                           char **path)
{
    VMTP_CLEAN(mem) char *user = user_directory();
    const char *const directories[] = {"", user, "/etc/openstack"};
    if (!user)
        return VMTP_ENOMEM;
    if (first) {
        *path = vmtp_expand_home(first);
        (void)vmtp_buf_printf(&search->places, "%s, ", first);
        int rc = *path ? look_into(search, *path, entry) : VMTP_ENOMEM;
        if (rc < 0 || *entry)
            return rc;
    }
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        free(*path);
        *path = NULL;
        (void)vmtp_buf_printf(&search->places, "%s%s%s.yaml%s", directories[i], *directories[i] ? "/" : "", stem,
                              i < 2 ? ", " : "");
        int rc = existing(directories[i], stem, path);
        if (rc == VMTP_OK && *path)
            rc = look_into(search, *path, entry);
        if (rc < 0 || *entry)
            return rc;
    }
    return VMTP_OK;
}

static int no_such_cloud(struct search *search)
{
    VMTP_CLEAN(buf) struct vmtp_buf known = VMTP_BUF(WORDS_MAX);
    const char *near = vmtp_nearest(search->cloud, search->names);
    for (size_t i = 0; i < search->n_names; i++)
        (void)vmtp_buf_printf(&known, "%s%s", i ? ", " : "", search->names[i]);
    if (search->n_names)
        return vmtp_fail(search->ctx, VMTP_ECONFIG, "there is no cloud '%s' in clouds.yaml%s%s%s; there are: %s",
                         search->cloud, near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "",
                         vmtp_buf_text(&known));
    return vmtp_fail(search->ctx, VMTP_ECONFIG, "cloud '%s': no clouds.yaml with clouds was found; looked for %s",
                     search->cloud, vmtp_buf_text(&search->places));
}

/* ---- an entry as variables ---- */

/* Names of clouds.yaml that are not the variable's in lower case without OS_. */
static const struct {
    const char *key, *variable;
} renamed[] = {
    {"user_name", "OS_USERNAME"}, {"endpoint_type", "OS_INTERFACE"}, {"project", "OS_PROJECT_NAME"},
    {"tenant", "OS_PROJECT_NAME"}, {"network_endpoint", "OS_NETWORK_ENDPOINT_OVERRIDE"},
    {"compute_endpoint", "OS_COMPUTE_ENDPOINT_OVERRIDE"}, {"image_endpoint", "OS_IMAGE_ENDPOINT_OVERRIDE"},
};

static void variable_name(const char *key, char name[NAME_SIZE])
{
    char plain[NAME_SIZE];
    snprintf(plain, sizeof plain, "%s", key);
    for (char *p = plain; *p; p++)
        *p = *p == '-' ? '_' : (char)tolower((unsigned char)*p);
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        if (strcmp(renamed[i].key, plain) == 0) {
            snprintf(name, NAME_SIZE, "%s", renamed[i].variable);
            return;
        }
    snprintf(name, NAME_SIZE, "OS_%.*s", NAME_SIZE - 4, plain);
    for (char *p = name; *p; p++)
        *p = (char)toupper((unsigned char)*p);
}

/* The one text that a value is, or the first of a list; NULL for anything else. */
static const char *one_text(const struct vmtp_node *node)
{
    if (node->kind == VMTP_NODE_LIST && node->n > 0)
        node = node->items[0];
    if (node->kind == VMTP_NODE_MAP)
        node = vmtp_node_get(node, "name"); /* of a region */
    return node && node->kind == VMTP_NODE_SCALAR ? node->text : NULL;
}

static int set_variables(vmtp_ctx *ctx, const struct vmtp_node *map, struct vmtp_os_variables *variables)
{
    for (size_t i = 0; i < map->n; i++) {
        char name[NAME_SIZE];
        const char *text = one_text(map->items[i]);
        bool truth;
        variable_name(map->keys[i], name);
        if (strcmp(name, "OS_REGIONS") == 0)
            snprintf(name, sizeof name, "%s", vmtp_os_variable(variables, "OS_REGION_NAME") ? "" : "OS_REGION_NAME");
        if (!text || !*name)
            continue;
        if (strcmp(name, "OS_VERIFY") == 0) {
            if (!vmtp_parse_bool(text, &truth))
                return vmtp_node_fail(ctx, map->items[i], "verify: neither true nor false");
            snprintf(name, sizeof name, "OS_INSECURE");
            text = truth ? "false" : "true";
        }
        if (vmtp_pairs_set(&variables->known, name, text) < 0)
            return vmtp_fail(ctx, VMTP_ENOMEM, "out of memory");
    }
    return VMTP_OK;
}

static const struct vmtp_node *member(const struct vmtp_node *map, const char *name)
{
    const struct vmtp_node *node = vmtp_node_get(map, name);
    return node && node->kind != VMTP_NODE_NULL ? node : NULL;
}

static int entry_variables(vmtp_ctx *ctx, const char *cloud, const struct vmtp_node *entry,
                           struct vmtp_os_variables *variables)
{
    const struct vmtp_node *auth = member(entry, "auth"), *profile = member(entry, "profile");
    if (auth && auth->kind != VMTP_NODE_MAP)
        return vmtp_node_fail(ctx, auth, "auth: %s where a map is expected", vmtp_node_kind_name(auth));
    int rc = set_variables(ctx, entry, variables);
    if (rc == VMTP_OK && auth)
        rc = set_variables(ctx, auth, variables);
    if (rc < 0 || !profile)
        return rc;
    if (!vmtp_os_variable(variables, "OS_AUTH_URL"))
        return vmtp_node_fail(ctx, profile, "cloud '%s': profiles of vendors are not known here: write auth_url and "
                                            "what else the profile says into the entry", cloud);
    vmtp_node_warn(ctx, profile, "cloud '%s': the profile of a vendor is left out; the entry alone counts", cloud);
    return VMTP_OK;
}

/* ---- the whole ---- */

static int find(struct search *search, bool env, struct vmtp_os_variables *variables, char **file)
{
    struct vmtp_node *entry = NULL, *secret = NULL;
    VMTP_CLEAN(mem) char *secret_file = NULL;
    const char *first = env ? vmtp_secret_env("OS_CLIENT_CONFIG_FILE") : NULL;
    int rc = look_everywhere(search, "clouds", first, &entry, file);
    if (rc == VMTP_OK && !entry)
        return no_such_cloud(search);
    if (rc == VMTP_OK)
        rc = look_everywhere(search, "secure", env ? vmtp_secret_env("OS_CLIENT_SECURE_FILE") : NULL, &secret,
                             &secret_file);
    if (rc == VMTP_OK)
        rc = entry_variables(search->ctx, search->cloud, entry, variables);
    if (rc < 0)
        return rc;
    bool in_entry = vmtp_os_variable(variables, "OS_PASSWORD") || vmtp_os_variable(variables, "OS_TOKEN") ||
                    vmtp_os_variable(variables, "OS_APPLICATION_CREDENTIAL_SECRET");
    if (in_entry)
        vmtp_secret_check_mode(search->ctx, *file);
    if (secret)
        vmtp_secret_check_mode(search->ctx, secret_file);
    return secret ? entry_variables(search->ctx, search->cloud, secret, variables) : VMTP_OK;
}

int vmtp_os_clouds(vmtp_ctx *ctx, const char *cloud, bool env, struct vmtp_os_variables *variables, char **file)
{
    struct search search = {.ctx = ctx, .cloud = cloud, .places = VMTP_BUF(WORDS_MAX)};
    int rc = find(&search, env, variables, file);
    search_clear(&search);
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}
