/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/credentials.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/openstack/variables.h"
#include "core/secret.h"
#include "core/units.h"
#include "core/util/buf.h"
#include "core/util/cleanup.h"
#include "core/util/file.h"
#include "core/util/prompt.h"
#include "core/util/str.h"

enum { WORDS_MAX = 2000 };

/* Variables and the members that they fill. Of several for one member the first that is there counts. */
#define MEMBER(variable, member) {variable, offsetof(struct vmtp_os_credentials, member)}
static const struct {
    const char *variable;
    size_t offset;
} members[] = {
    MEMBER("OS_AUTH_URL", auth_url),
    MEMBER("OS_USERNAME", username),
    MEMBER("OS_USER_ID", user_id),
    MEMBER("OS_USER_DOMAIN_NAME", user_domain_name),
    MEMBER("OS_USER_DOMAIN_ID", user_domain_id),
    MEMBER("OS_PASSWORD", password),
    MEMBER("OS_TOKEN", token),
    MEMBER("OS_APPLICATION_CREDENTIAL_ID", application_id),
    MEMBER("OS_APPLICATION_CREDENTIAL_NAME", application_name),
    MEMBER("OS_APPLICATION_CREDENTIAL_SECRET", application_secret),
    MEMBER("OS_PROJECT_NAME", project_name),
    MEMBER("OS_TENANT_NAME", project_name),
    MEMBER("OS_PROJECT_ID", project_id),
    MEMBER("OS_TENANT_ID", project_id),
    MEMBER("OS_PROJECT_DOMAIN_NAME", project_domain_name),
    MEMBER("OS_PROJECT_DOMAIN_ID", project_domain_id),
    MEMBER("OS_REGION_NAME", region),
    MEMBER("OS_INTERFACE", interface),
    MEMBER("OS_ENDPOINT_TYPE", interface),
    MEMBER("OS_COMPUTE_ENDPOINT_OVERRIDE", compute_endpoint),
    MEMBER("OS_NETWORK_ENDPOINT_OVERRIDE", network_endpoint),
    MEMBER("OS_IMAGE_ENDPOINT_OVERRIDE", image_endpoint),
    MEMBER("OS_CACERT", ca_file),
    MEMBER("OS_CERT", client_cert),
    MEMBER("OS_KEY", client_key),
};
enum { MEMBERS = sizeof members / sizeof members[0] };

/* The other variables that are looked at. */
static const char *const others[] = {
    "OS_AUTH_TYPE", "OS_IDENTITY_API_VERSION", "OS_INSECURE", "OS_CLOUD", "OS_DOMAIN_NAME", "OS_DOMAIN_ID",
    "OS_DEFAULT_DOMAIN", "OS_DEFAULT_DOMAIN_ID", "OS_DEFAULT_DOMAIN_NAME",
};
enum { OTHERS = sizeof others / sizeof others[0] };

static char **member_at(struct vmtp_os_credentials *credentials, size_t i)
{
    return (char **)(void *)((char *)credentials + members[i].offset);
}

void vmtp_os_credentials_clear(struct vmtp_os_credentials *credentials)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        vmtp_secret_free(*member_at(credentials, i));
        *member_at(credentials, i) = NULL;
    }
    free(credentials->source);
    *credentials = (struct vmtp_os_credentials){0};
}

/* ---- where they come from ---- */

struct source {
    struct vmtp_os_variables variables;
    char *name;  /* "openrc.sh", "cloud lab of ./clouds.yaml", "the environment" */
    bool clouds; /* whose names are in lower case without OS_ */
    bool others_too; /* the password may be in the environment, too */
};

static void source_clear(struct source *source)
{
    vmtp_os_variables_clear(&source->variables);
    free(source->name);
}

static int from_environment(struct source *source)
{
    source->name = strdup("the environment");
    if (!source->name)
        return VMTP_ENOMEM;
    for (size_t i = 0; i < MEMBERS + OTHERS; i++) {
        const char *name = i < MEMBERS ? members[i].variable : others[i - MEMBERS];
        const char *text = vmtp_secret_env(name);
        if (text && vmtp_pairs_set(&source->variables.known, name, text) < 0)
            return VMTP_ENOMEM;
    }
    return VMTP_OK;
}

static int from_clouds(vmtp_ctx *ctx, const char *cloud, bool env, struct source *source)
{
    VMTP_CLEAN(mem) char *file = NULL;
    struct vmtp_os_variables variables = {0};
    int rc = vmtp_os_clouds(ctx, cloud, env, &variables, &file);
    vmtp_os_variables_clear(&source->variables);
    source->variables = variables;
    if (rc < 0)
        return rc;
    free(source->name);
    source->name = vmtp_format("cloud %s of %s", cloud, file);
    source->clouds = true;
    return source->name ? VMTP_OK : VMTP_ENOMEM;
}

/* An rc file may say no more than which entry of clouds.yaml it is. */
static int from_rc(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct source *source)
{
    const char *path = settings->rc;
    int rc = vmtp_os_rcfile(ctx, path, !settings->no_env, &source->variables);
    if (rc < 0)
        return rc;
    if (vmtp_os_variable(&source->variables, "OS_PASSWORD") || vmtp_os_variable(&source->variables, "OS_TOKEN") ||
        vmtp_os_variable(&source->variables, "OS_APPLICATION_CREDENTIAL_SECRET"))
        vmtp_secret_check_mode(ctx, path);
    source->name = strdup(path);
    const char *cloud = vmtp_os_variable(&source->variables, "OS_CLOUD");
    if (!source->name || !cloud || vmtp_os_variable(&source->variables, "OS_AUTH_URL"))
        return source->name ? VMTP_OK : VMTP_ENOMEM;
    VMTP_CLEAN(mem) char *name = strdup(cloud);
    return name ? from_clouds(ctx, name, !settings->no_env, source) : VMTP_ENOMEM;
}

static int find_source(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct source *source)
{
    bool env = !settings->no_env;
    const char *cloud = env ? vmtp_secret_env("OS_CLOUD") : NULL;
    if (settings->rc && settings->os_cloud)
        return vmtp_fail(ctx, VMTP_ECONFIG, "-r %s and --os-cloud %s are both given, where one of them is enough",
                         settings->rc, settings->os_cloud);
    source->others_too = env;
    if (settings->rc)
        return from_rc(ctx, settings, source);
    if (settings->os_cloud)
        return from_clouds(ctx, settings->os_cloud, env, source);
    if (cloud)
        return from_clouds(ctx, cloud, env, source);
    return env ? from_environment(source)
               : vmtp_fail(ctx, VMTP_ECONFIG, "no credentials for OpenStack: give -r FILE or --os-cloud NAME, since "
                                              "--no-env forbids the environment");
}

bool vmtp_os_credentials_given(const struct vmtp_settings *settings)
{
    static const char *const telling[] = {"OS_CLOUD", "OS_AUTH_URL", "OS_USERNAME", "OS_PROJECT_NAME", "OS_PROJECT_ID",
                                          "OS_TENANT_NAME", "OS_APPLICATION_CREDENTIAL_ID"};
    if (settings->rc || settings->os_cloud)
        return true;
    for (size_t i = 0; !settings->no_env && i < sizeof telling / sizeof telling[0]; i++)
        if (vmtp_secret_env(telling[i]))
            return true;
    return false;
}

/* ---- what they say ---- */

static const char *variable(const struct source *source, const char *name)
{
    return vmtp_os_variable(&source->variables, name);
}

static int take_members(const struct source *source, struct vmtp_os_credentials *credentials)
{
    for (size_t i = 0; i < MEMBERS; i++) {
        char **member = member_at(credentials, i);
        const char *text = variable(source, members[i].variable);
        if (!*member && text && vmtp_set_text(member, text) < 0)
            return VMTP_ENOMEM;
    }
    return VMTP_OK;
}

/* The way to log in: as OS_AUTH_TYPE says, else by what there is. */
static int choose_auth(vmtp_ctx *ctx, const struct source *source, struct vmtp_os_credentials *credentials)
{
    static const struct {
        const char *name;
        int auth;
    } known[] = {
        {"password", VMTP_OS_PASSWORD}, {"v3password", VMTP_OS_PASSWORD}, {"v2password", VMTP_OS_PASSWORD},
        {"token", VMTP_OS_TOKEN}, {"v3token", VMTP_OS_TOKEN}, {"v2token", VMTP_OS_TOKEN},
        {"v3applicationcredential", VMTP_OS_APPLICATION_CREDENTIAL},
        {"applicationcredential", VMTP_OS_APPLICATION_CREDENTIAL},
        {"v3application_credential", VMTP_OS_APPLICATION_CREDENTIAL},
    };
    const char *type = variable(source, "OS_AUTH_TYPE");
    for (size_t i = 0; type && i < sizeof known / sizeof known[0]; i++)
        if (vmtp_same_name(known[i].name, type)) {
            credentials->auth = known[i].auth;
            return VMTP_OK;
        }
    if (type)
        return vmtp_fail(ctx, VMTP_ECONFIG,
                         "%s: %s %s is not supported, as one-time passwords and federated logins are not: use a "
                         "password, a token or an application credential",
                         source->name, source->clouds ? "auth_type" : "OS_AUTH_TYPE", type);
    bool application = credentials->application_id || credentials->application_name;
    if (application && credentials->application_secret)
        credentials->auth = VMTP_OS_APPLICATION_CREDENTIAL;
    else if (credentials->token && !credentials->password)
        credentials->auth = VMTP_OS_TOKEN;
    return VMTP_OK;
}

/* The domain of a user or project that is given by name: its own, the common one, the default one. */
static int choose_domain(const struct source *source, char **name, char **id)
{
    static const struct {
        const char *variable;
        bool is_id;
    } common[] = {{"OS_DOMAIN_ID", true}, {"OS_DOMAIN_NAME", false}, {"OS_DEFAULT_DOMAIN_ID", true},
                  {"OS_DEFAULT_DOMAIN_NAME", false}, {"OS_DEFAULT_DOMAIN", true}};
    for (size_t i = 0; !*name && !*id && i < sizeof common / sizeof common[0]; i++) {
        const char *text = variable(source, common[i].variable);
        if (text && vmtp_set_text(common[i].is_id ? id : name, text) < 0)
            return VMTP_ENOMEM;
    }
    return *name || *id ? VMTP_OK : vmtp_set_text(id, "default");
}

static int choose_domains(const struct source *source, struct vmtp_os_credentials *credentials)
{
    int rc = VMTP_OK;
    if (credentials->username && !credentials->user_id)
        rc = choose_domain(source, &credentials->user_domain_name, &credentials->user_domain_id);
    if (rc == VMTP_OK && credentials->project_name && !credentials->project_id)
        rc = choose_domain(source, &credentials->project_domain_name, &credentials->project_domain_id);
    return rc;
}

/* "publicURL" is "public". */
static int tidy_interface(vmtp_ctx *ctx, const struct source *source, struct vmtp_os_credentials *credentials)
{
    static const char *const known[] = {"public", "internal", "admin"};
    char *text = credentials->interface;
    if (!text)
        return vmtp_set_text(&credentials->interface, "public");
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (vmtp_same_name(text, known[i]) ||
            (n == strlen(known[i]) + 3 && strncmp(text, known[i], n - 3) == 0 && vmtp_same_name(text + n - 3, "url")))
            return vmtp_set_text(&credentials->interface, known[i]);
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: the interface '%.60s' is none of public, internal, admin", source->name,
                     text);
}

static int check_version(vmtp_ctx *ctx, const struct source *source)
{
    const char *text = variable(source, "OS_IDENTITY_API_VERSION");
    if (!text)
        return VMTP_OK;
    double version;
    const char *digits = text[0] == 'v' ? text + 1 : text, *end;
    bool good = vmtp_parse_number(digits, &version, &end) && !*end;
    if (good && version >= 2 && version < 4)
        return VMTP_OK; /* v3 is looked for beside v2.0, which no release of today has */
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: version '%.20s' of the identity API is neither 2 nor 3", source->name,
                     text);
}

/* A file that is named must be there; a "~/" in its path is expanded. */
static int tidy_path(vmtp_ctx *ctx, const struct source *source, const char *name, char **path)
{
    if (!*path)
        return VMTP_OK;
    VMTP_CLEAN(mem) char *expanded = vmtp_expand_home(*path);
    if (!expanded || vmtp_set_text(path, expanded) < 0)
        return VMTP_ENOMEM;
    if (access(*path, R_OK) == 0)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s: %s: %s", source->name, name, *path, vmtp_errno());
}

static int tidy_tls(vmtp_ctx *ctx, const struct source *source, struct vmtp_os_credentials *credentials)
{
    const char *text = variable(source, "OS_INSECURE");
    if (text && !vmtp_parse_bool(text, &credentials->insecure))
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: OS_INSECURE is neither true nor false: '%.20s'", source->name, text);
    int rc = tidy_path(ctx, source, source->clouds ? "cacert" : "OS_CACERT", &credentials->ca_file);
    if (rc == VMTP_OK)
        rc = tidy_path(ctx, source, source->clouds ? "cert" : "OS_CERT", &credentials->client_cert);
    if (rc == VMTP_OK)
        rc = tidy_path(ctx, source, source->clouds ? "key" : "OS_KEY", &credentials->client_key);
    return rc;
}

static int check_url(vmtp_ctx *ctx, const struct source *source, const char *url)
{
    if (strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0)
        return VMTP_OK;
    return vmtp_fail(ctx, VMTP_ECONFIG, "%s: %s does not begin with http:// or https://", source->name,
                     source->clouds ? "auth_url" : "OS_AUTH_URL");
}

/* ---- what is missing ---- */

/* Adds a variable to the list of what is missing, with the reason why its value is not known. */
static void add_missing(const struct source *source, struct vmtp_buf *words, const char *name, const char *instead)
{
    const char *why = vmtp_pairs_get(&source->variables.unknown, name);
    (void)vmtp_buf_text_add(words, words->len ? ", no " : "no ");
    const char *const names[] = {name, instead};
    for (size_t i = 0; i < 2 && names[i]; i++) {
        (void)vmtp_buf_text_add(words, i ? " or " : "");
        for (const char *p = names[i] + (source->clouds ? 3 : 0); *p; p++) {
            char c = source->clouds ? (char)tolower((unsigned char)*p) : *p;
            (void)vmtp_buf_add(words, &c, 1);
        }
    }
    if (why)
        (void)vmtp_buf_printf(words, " (%s)", why);
}

/* All that is missing but the secret, which can be asked for. */
static void list_missing(const struct source *source, const struct vmtp_os_credentials *credentials,
                         struct vmtp_buf *words)
{
    bool named = credentials->username || credentials->user_id;
    bool project = credentials->project_name || credentials->project_id;
    if (!credentials->auth_url)
        add_missing(source, words, "OS_AUTH_URL", NULL);
    switch (credentials->auth) {
    case VMTP_OS_PASSWORD:
        if (!named)
            add_missing(source, words, "OS_USERNAME", NULL);
        if (!project)
            add_missing(source, words, "OS_PROJECT_NAME", "OS_PROJECT_ID");
        break;
    case VMTP_OS_TOKEN:
        if (!credentials->token)
            add_missing(source, words, "OS_TOKEN", NULL);
        break;
    default:
        if (!credentials->application_id && !credentials->application_name)
            add_missing(source, words, "OS_APPLICATION_CREDENTIAL_ID", NULL);
        else if (!credentials->application_id && !named)
            add_missing(source, words, "OS_APPLICATION_CREDENTIAL_ID", "OS_USERNAME");
    }
}

/* The secret of this kind of login, and the variable that may hold it. NULL: a token, which nobody can type. */
static char **secret_of(struct vmtp_os_credentials *credentials, const char **name)
{
    switch (credentials->auth) {
    case VMTP_OS_PASSWORD:
        *name = "OS_PASSWORD";
        return &credentials->password;
    case VMTP_OS_APPLICATION_CREDENTIAL:
        *name = "OS_APPLICATION_CREDENTIAL_SECRET";
        return &credentials->application_secret;
    default:
        return NULL;
    }
}

/* -p and its file, then the source, then the environment. */
static int find_secret(const struct vmtp_settings *settings, const struct source *source,
                       struct vmtp_os_credentials *credentials)
{
    const char *name = NULL;
    char **secret = secret_of(credentials, &name);
    if (!secret)
        return VMTP_OK;
    if (settings->password && credentials->auth == VMTP_OS_PASSWORD)
        return vmtp_set_text(secret, settings->password);
    const char *text = !*secret && source->others_too ? vmtp_secret_env(name) : NULL;
    return text ? vmtp_set_text(secret, text) : VMTP_OK;
}

static int ask_secret(vmtp_ctx *ctx, const struct source *source, struct vmtp_os_credentials *credentials)
{
    const char *name = NULL;
    char **secret = secret_of(credentials, &name);
    if (!secret || *secret)
        return VMTP_OK;
    bool password = credentials->auth == VMTP_OS_PASSWORD;
    const char *who = password ? credentials->username ? credentials->username : credentials->user_id
                               : credentials->application_id ? credentials->application_id
                                                             : credentials->application_name;
    VMTP_CLEAN(mem) char *question = vmtp_format("OpenStack %s of %s at %s: ",
                                                 password ? "password" : "application credential secret", who,
                                                 credentials->auth_url);
    if (!question)
        return VMTP_ENOMEM;
    int rc = vmtp_prompt_secret(ctx, question, secret);
    if (rc == VMTP_ENOTSUP)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: no %s, and there is no terminal to ask on: %s", source->name,
                         password ? "password" : "secret of the application credential",
                         password ? "give it in OS_PASSWORD, or in a file with --os-password-file"
                                  : "give it in OS_APPLICATION_CREDENTIAL_SECRET");
    if (rc == VMTP_OK && !**secret)
        return vmtp_fail(ctx, VMTP_ECONFIG, "%s: an empty password", source->name);
    return rc;
}

/* ---- the whole ---- */

/* Everything but asking. *missing: what is not there, "" when all is. */
static int collect(vmtp_ctx *ctx, const struct vmtp_settings *settings, struct source *source,
                   struct vmtp_os_credentials *credentials, struct vmtp_buf *missing)
{
    int rc = find_source(ctx, settings, source);
    if (rc == VMTP_OK && vmtp_set_text(&credentials->source, source->name) < 0)
        rc = VMTP_ENOMEM;
    if (rc == VMTP_OK)
        rc = take_members(source, credentials);
    if (rc == VMTP_OK)
        rc = choose_auth(ctx, source, credentials);
    if (rc == VMTP_OK)
        rc = find_secret(settings, source, credentials);
    if (rc == VMTP_OK)
        rc = choose_domains(source, credentials);
    if (rc == VMTP_OK)
        rc = tidy_interface(ctx, source, credentials);
    if (rc == VMTP_OK)
        rc = check_version(ctx, source);
    if (rc == VMTP_OK)
        rc = tidy_tls(ctx, source, credentials);
    if (rc < 0)
        return rc;
    list_missing(source, credentials, missing);
    return missing->len ? VMTP_OK : check_url(ctx, source, credentials->auth_url);
}

int vmtp_os_credentials_find(vmtp_ctx *ctx, const struct vmtp_settings *settings,
                             struct vmtp_os_credentials *credentials)
{
    struct source source = {0};
    VMTP_CLEAN(buf) struct vmtp_buf missing = VMTP_BUF(WORDS_MAX);
    *credentials = (struct vmtp_os_credentials){0};
    int rc = collect(ctx, settings, &source, credentials, &missing);
    if (rc == VMTP_OK && missing.len)
        rc = vmtp_fail(ctx, VMTP_ECONFIG, "%s: not enough to log in to OpenStack: %s", source.name,
                       vmtp_buf_text(&missing));
    if (rc == VMTP_OK)
        rc = ask_secret(ctx, &source, credentials);
    source_clear(&source);
    return rc == VMTP_ENOMEM ? vmtp_fail(ctx, rc, "out of memory") : rc;
}

bool vmtp_os_environment_enough(const struct vmtp_settings *settings, char **missing)
{
    *missing = NULL;
    if (settings->rc || settings->os_cloud || settings->no_env || vmtp_secret_env("OS_CLOUD"))
        return true;
    struct source source = {0};
    struct vmtp_os_credentials credentials = {0};
    const char *name = NULL;
    VMTP_CLEAN(buf) struct vmtp_buf words = VMTP_BUF(WORDS_MAX);
    int rc = collect(NULL, settings, &source, &credentials, &words);
    char **secret = secret_of(&credentials, &name);
    VMTP_CLEAN(fd) int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (rc == VMTP_OK && secret && !*secret && tty < 0)
        add_missing(&source, &words, name, NULL);
    if (rc == VMTP_OK && words.len)
        *missing = vmtp_buf_take(&words);
    vmtp_os_credentials_clear(&credentials);
    source_clear(&source);
    return !*missing;
}
