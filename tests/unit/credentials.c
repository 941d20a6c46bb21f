/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/credentials.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ctx.h"
#include "core/log.h"
#include "core/openstack/variables.h"
#include "core/util/cleanup.h"
#include "core/util/str.h"
#include "tests/tap.h"

static char directory[] = "/tmp/vmtp-credentials.XXXXXX";

static void write_file(const char *name, const char *text)
{
    VMTP_CLEAN(file) FILE *file = fopen(name, "w");
    if (file)
        fputs(text, file);
    chmod(name, 0600);
}

static void clear_environment(void)
{
    static const char *const names[] = {
        "OS_AUTH_URL", "OS_USERNAME", "OS_PASSWORD", "OS_PROJECT_NAME", "OS_CLOUD", "OS_TOKEN", "OS_AUTH_TYPE",
        "OS_CLIENT_CONFIG_FILE", "OS_APPLICATION_CREDENTIAL_ID", "OS_APPLICATION_CREDENTIAL_SECRET", "OS_TENANT_NAME",
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unsetenv(names[i]);
}

/* ---- the language of rc files ---- */

static void rc_value(const char *text, const char *name, const char *value, const char *what)
{
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    VMTP_CLEAN(os_variables) struct vmtp_os_variables variables = {0};
    int rc = vmtp_os_rcfile_parse(&ctx, text, strlen(text), "rc", true, &variables);
    if (rc < 0)
        is(vmtp_ctx_error(&ctx, rc), value, what);
    else
        is(vmtp_os_variable(&variables, name), value, what);
}

static void test_words(void)
{
    static const struct {
        const char *text, *value, *what;
    } cases[] = {
        {"export OS_X=a", "a", "export"},
        {"OS_X=a\nexport OS_X", "a", "an assignment, exported later"},
        {"OS_X=a", "a", "an assignment alone"},
        {"declare -x OS_X=a", "a", "declare"},
        {"  export\tOS_X=\"a b\"  ", "a b", "double quotes"},
        {"OS_X='a \"b\" $c \\'", "a \"b\" $c \\", "single quotes keep all"},
        {"OS_X=a'b'\"c\"\\ d", "abc d", "pieces"},
        {"OS_X=\"a\\\"b\\$c\\\\d\\e\"", "a\"b$c\\d\\e", "backslashes in double quotes"},
        {"OS_X=\"a\\\nb\"", "ab", "a line that goes on"},
        {"OS_X=a # no", "a", "a comment"},
        {"OS_X=a#b", "a#b", "no comment"},
        {"# OS_X=a\n#OS_X=b", NULL, "only comments"},
        {"OS_X=''", NULL, "an empty text is none"},
        {"OS_X=a\r\nOS_Y=b\r\n", "a", "lines of DOS"},
        {"\xEF\xBB\xBFOS_X=a", "a", "a byte order mark"},
        {"OS_X=a; export OS_X", "a", "two commands in a line"},
        {"export OS_Y=1 OS_X=a", "a", "two assignments in a command"},
        {"P=s3; OS_X=$P", "s3", "a variable of the file"},
        {"P=s3; OS_X=\"x${P}y\"", "xs3y", "in braces and quotes"},
        {"OS_X=${NOBODY:-d}", "d", "a default"},
        {"OS_X=e; OS_X=${OS_X:-d}", "e", "that is not needed"},
        {"OS_X=${HOME}", "/home/of-test", "HOME"},
        {"OS_X=$VMTP_TEST_ENV", "env", "the environment"},
        {"OS_X=a$", "a$", "a dollar alone"},
        {"OS_X=$(echo a)", NULL, "a command is not run"},
        {"OS_X=`touch x`", NULL, "nor in backquotes"},
        {"OS_X=a\nOS_X=\"$(echo ')\"')\"\nOS_Y=b", NULL, "and wins over what was there"},
        {"OS_X=a\nunset OS_X", NULL, "unset"},
        {"OS_X=a\nif [ -z \"$OS_X\" ]; then unset OS_X; fi", "a", "not in a branch"},
        {"if true; then OS_X=a; else OS_X=b; fi", "a", "the first branch, where there is nothing else"},
        {"OS_X=a\nif true; then\n  OS_X=b\nfi", "a", "what is outside wins"},
        {"OS_X=a\n[ -z \"$OS_X\" ] && OS_X=b", "a", "also over what stands behind &&"},
        {"OS_X=a\n[ -z \"$OS_Y\" ] && OS_Y=b\nOS_X=c", "c", "until the end of the line"},
        {"case $x in a) OS_X=b;; esac\nOS_X=c", "c", "case"},
        {"OS_X=a\necho OS_X=b", "a", "what a command is told"},
        {"OS_XY=a", NULL, "a longer name"},
        {"export OS_X", NULL, "nothing"},
        {"", NULL, "nothing at all"},
        {"OS_Y=1\nOS_X='a", "rc:2: a single quote that is not closed", "a quote that is left open"},
        {"OS_X=\"a\n\n", "rc:1: a double quote that is not closed", "a double one"},
        {"OS_X=$(a", "rc:1: a bracket that is not closed", "a bracket"},
        {"OS_X=a\\", "a\\", "a backslash at the end"},
    };
    setenv("HOME", "/home/of-test", 1);
    setenv("VMTP_TEST_ENV", "env", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        rc_value(cases[i].text, "OS_X", cases[i].value, cases[i].what);
    ok(access("x", F_OK) < 0, "no command was run");
}

static void test_limits(void)
{
    size_t size = 60000;
    VMTP_CLEAN(mem) char *text = malloc(size + 1);
    memset(text, 'x', size);
    memcpy(text, "OS_X=", 5);
    text[size] = '\0';
    rc_value(text, "OS_X", "rc:1: a value of more than 16384 bytes", "a long value");
    size_t len = 0;
    for (int i = 0; len + 20 < size; i++)
        len += (size_t)snprintf(text + len, size - len, "V%d=1\n", i);
    rc_value(text, "V1", "rc:513: more than 512 variables: not an rc file", "many variables");
    len = (size_t)snprintf(text, size, "A=aaaaaaaaaaaaaaaa\n");
    while (len + 20 < size)
        len += (size_t)snprintf(text + len, size - len, "A=$A$A$A$A\n");
    rc_value(text, "A", "rc:7: a value of more than 16384 bytes", "a value that grows");
    memset(text, '(', size);
    memcpy(text, "OS_X=$", 6);
    rc_value(text, "OS_X", "rc:1: a bracket that is not closed", "brackets");
}

/* ---- whole credentials ---- */

/* "key=value ..." of what was found, or the error. The caller frees it. */
static char *found(const struct vmtp_settings *settings)
{
    static const char *const kinds[] = {"password", "token", "application"};
    VMTP_CLEAN(ctx) struct vmtp_ctx ctx;
    vmtp_ctx_init(&ctx, NULL);
    struct vmtp_os_credentials c;
    int rc = vmtp_os_credentials_find(&ctx, settings, &c);
    VMTP_CLEAN(buf) struct vmtp_buf text = VMTP_BUF(4096);
    const struct {
        const char *name, *text;
    } parts[] = {
        {"url", c.auth_url}, {"user", c.username}, {"user_id", c.user_id}, {"user_domain", c.user_domain_name},
        {"user_domain_id", c.user_domain_id}, {"password", c.password}, {"token", c.token},
        {"app_id", c.application_id}, {"app", c.application_name}, {"secret", c.application_secret},
        {"project", c.project_name}, {"project_id", c.project_id}, {"project_domain", c.project_domain_name},
        {"project_domain_id", c.project_domain_id}, {"region", c.region}, {"interface", c.interface},
        {"compute", c.compute_endpoint}, {"network", c.network_endpoint}, {"image", c.image_endpoint},
        {"ca", c.ca_file}, {"cert", c.client_cert}, {"key", c.client_key}, {"insecure", c.insecure ? "yes" : NULL},
    };
    if (rc < 0)
        (void)vmtp_buf_text_add(&text, vmtp_ctx_error(&ctx, rc));
    else
        (void)vmtp_buf_text_add(&text, kinds[c.auth]);
    for (size_t i = 0; rc == VMTP_OK && i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].text)
            (void)vmtp_buf_printf(&text, " %s=%s", parts[i].name, parts[i].text);
    vmtp_os_credentials_clear(&c);
    return vmtp_buf_take(&text);
}

static void rc_is(const char *text, const char *want, const char *what)
{
    write_file("rc", text);
    const struct vmtp_settings settings = {.rc = "rc"};
    VMTP_CLEAN(mem) char *got = found(&settings);
    is(got, want, what);
}

static const char DASHBOARD[] =
    "#!/usr/bin/env bash\n"
    "export OS_AUTH_URL=https://cloud.example:5000/v3\n"
    "export OS_PROJECT_ID=0123\n"
    "export OS_PROJECT_NAME=\"demo\"\n"
    "export OS_USER_DOMAIN_NAME=\"Default\"\n"
    "if [ -z \"$OS_USER_DOMAIN_NAME\" ]; then unset OS_USER_DOMAIN_NAME; fi\n"
    "export OS_PROJECT_DOMAIN_ID=\"default\"\n"
    "if [ -z \"$OS_PROJECT_DOMAIN_ID\" ]; then unset OS_PROJECT_DOMAIN_ID; fi\n"
    "unset OS_TENANT_ID\n"
    "unset OS_TENANT_NAME\n"
    "export OS_USERNAME=\"me\"\n"
    "echo \"Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: \"\n"
    "read -sr OS_PASSWORD_INPUT\n"
    "export OS_PASSWORD=$OS_PASSWORD_INPUT\n"
    "export OS_REGION_NAME=\"RegionOne\"\n"
    "if [ -z \"$OS_REGION_NAME\" ]; then unset OS_REGION_NAME; fi\n"
    "export OS_INTERFACE=public\n"
    "export OS_IDENTITY_API_VERSION=3\n";

static void test_dashboard(void)
{
    static const char ALL[] = "password url=https://cloud.example:5000/v3 user=me user_domain=Default password=%s "
                              "project=demo project_id=0123 project_domain_id=default region=RegionOne "
                              "interface=public";
    write_file("rc", DASHBOARD);
    struct vmtp_settings settings = {.rc = "rc", .password = "given"};
    VMTP_CLEAN(mem) char *given = found(&settings);
    VMTP_CLEAN(mem) char *given_want = vmtp_format(ALL, "given");
    is(given, given_want, "the file of a dashboard, with -p");
    setenv("OS_PASSWORD", "of-env", 1);
    settings.password = NULL;
    VMTP_CLEAN(mem) char *env = found(&settings);
    VMTP_CLEAN(mem) char *env_want = vmtp_format(ALL, "of-env");
    is(env, env_want, "with the password in the environment");
    settings.no_env = true;
    VMTP_CLEAN(mem) char *none = found(&settings);
    is(none, "rc: no password, and there is no terminal to ask on: give it in OS_PASSWORD, or in a file with "
             "--os-password-file", "without one, without a terminal");
    unsetenv("OS_PASSWORD");
}

#define LOGIN "OS_AUTH_URL=http://c/v3\nOS_USERNAME=u\nOS_PASSWORD=p\n"
#define PROJECT "OS_PROJECT_NAME=n\n"
static const char USUAL[] = "password url=http://c/v3 user=u user_domain_id=default password=p project=n "
                            "project_domain_id=default interface=public";

static void test_variants(void)
{
    rc_is(LOGIN PROJECT, USUAL, "the default domain where none is named");
    rc_is(LOGIN "OS_TENANT_NAME=n\nOS_IDENTITY_API_VERSION=2.0\n", USUAL, "a tenant is a project");
    rc_is(LOGIN PROJECT "OS_IDENTITY_API_VERSION=2", USUAL, "version 2");
    rc_is(LOGIN PROJECT "OS_IDENTITY_API_VERSION=3.14", USUAL, "version 3.14");
    rc_is(LOGIN PROJECT "OS_IDENTITY_API_VERSION=v3", USUAL, "version v3");
    rc_is(LOGIN PROJECT "OS_IDENTITY_API_VERSION=x", "rc: version 'x' of the identity API is neither 2 nor 3",
          "no version");
    rc_is(LOGIN PROJECT "OS_INTERFACE=publicURL", USUAL, "publicURL");
    rc_is(LOGIN PROJECT "OS_ENDPOINT_TYPE=internalURL\nOS_REGION_NAME=r",
          "password url=http://c/v3 user=u user_domain_id=default password=p project=n project_domain_id=default "
          "region=r interface=internal", "OS_ENDPOINT_TYPE");
    rc_is(LOGIN PROJECT "OS_INTERFACE=pubic", "rc: the interface 'pubic' is none of public, internal, admin",
          "no interface");
    rc_is(LOGIN "OS_PROJECT_ID=i\nOS_USER_DOMAIN_ID=d",
          "password url=http://c/v3 user=u user_domain_id=d password=p project_id=i interface=public",
          "a project by id needs no domain");
    rc_is(LOGIN PROJECT "OS_DOMAIN_NAME=d",
          "password url=http://c/v3 user=u user_domain=d password=p project=n project_domain=d interface=public",
          "one domain for both");
    rc_is(LOGIN PROJECT "OS_PROJECT_DOMAIN_NAME=e\nOS_DEFAULT_DOMAIN=d",
          "password url=http://c/v3 user=u user_domain_id=d password=p project=n project_domain=e interface=public",
          "a default domain of the user's own");
    rc_is(LOGIN PROJECT "OS_INSECURE=true\nOS_CACERT=rc\nOS_CERT=rc\nOS_KEY=rc\nOS_IMAGE_ENDPOINT_OVERRIDE=http://i",
          "password url=http://c/v3 user=u user_domain_id=default password=p project=n project_domain_id=default "
          "interface=public image=http://i ca=rc cert=rc key=rc insecure=yes", "TLS");
    rc_is(LOGIN PROJECT "OS_CACERT=nowhere", "rc: OS_CACERT: nowhere: No such file or directory", "a CA that is not");
    rc_is("OS_AUTH_TYPE=v3token\nOS_AUTH_URL=http://c\nOS_TOKEN=t\nOS_PROJECT_ID=i",
          "token url=http://c token=t project_id=i interface=public", "a token");
    rc_is("OS_AUTH_URL=http://c\nOS_TOKEN=t", "token url=http://c token=t interface=public", "a token says itself");
    rc_is("OS_AUTH_TYPE=v3applicationcredential\nOS_AUTH_URL=http://c\nOS_APPLICATION_CREDENTIAL_ID=a\n"
          "OS_APPLICATION_CREDENTIAL_SECRET=s", "application url=http://c app_id=a secret=s interface=public",
          "an application credential");
    rc_is("OS_AUTH_URL=http://c\nOS_APPLICATION_CREDENTIAL_NAME=a\nOS_APPLICATION_CREDENTIAL_SECRET=s\nOS_USERNAME=u",
          "application url=http://c user=u user_domain_id=default app=a secret=s interface=public", "by name and user");
    rc_is(LOGIN PROJECT "OS_AUTH_TYPE=v3totp",
          "rc: OS_AUTH_TYPE v3totp is not supported, as one-time passwords and federated logins are not: use a "
          "password, a token or an application credential", "one-time passwords");
    rc_is("OS_AUTH_URL=ftp://c\nOS_USERNAME=u\nOS_PASSWORD=p\n" PROJECT,
          "rc: OS_AUTH_URL does not begin with http:// or https://", "another URL");
}

static void test_missing(void)
{
    rc_is("", "rc: not enough to log in to OpenStack: no OS_AUTH_URL, no OS_USERNAME, no OS_PROJECT_NAME or "
              "OS_PROJECT_ID", "all that is missing is named at once");
    rc_is("OS_AUTH_URL=$(cat url)\nOS_USERNAME=u\n" PROJECT,
          "rc: not enough to log in to OpenStack: no OS_AUTH_URL (line 1: a command tells it, and an rc file is not "
          "executed)", "and why");
    rc_is("OS_AUTH_TYPE=token\nOS_AUTH_URL=http://c", "rc: not enough to log in to OpenStack: no OS_TOKEN", "a token");
    rc_is("OS_AUTH_TYPE=v3applicationcredential\nOS_AUTH_URL=http://c\nOS_APPLICATION_CREDENTIAL_NAME=a",
          "rc: not enough to log in to OpenStack: no OS_APPLICATION_CREDENTIAL_ID or OS_USERNAME", "whose credential");
    const struct vmtp_settings nowhere = {.rc = "nowhere"}, both = {.rc = "rc", .os_cloud = "c"};
    const struct vmtp_settings alone = {.no_env = true}, empty = {0};
    VMTP_CLEAN(mem) char *got = found(&nowhere);
    is(got, "rc file: nowhere: No such file or directory", "a file that is not there");
    VMTP_CLEAN(mem) char *twice = found(&both);
    is(twice, "-r rc and --os-cloud c are both given, where one of them is enough", "one source");
    VMTP_CLEAN(mem) char *none = found(&alone);
    is(none, "no credentials for OpenStack: give -r FILE or --os-cloud NAME, since --no-env forbids the environment",
       "no source");
    VMTP_CLEAN(mem) char *lacking = found(&empty);
    is(lacking, "the environment: not enough to log in to OpenStack: no OS_AUTH_URL, no OS_USERNAME, no "
                "OS_PROJECT_NAME or OS_PROJECT_ID", "the environment");
}

static void test_environment(void)
{
    struct vmtp_settings settings = {0};
    char *missing = NULL;
    ok(!vmtp_os_credentials_given(&settings), "an environment without a cloud");
    setenv("OS_AUTH_URL", "http://c/v3", 1);
    setenv("OS_PASSWORD", "p", 1);
    setenv("OS_PROJECT_NAME", "n", 1);
    ok(vmtp_os_credentials_given(&settings), "one with half of it");
    ok(!vmtp_os_environment_enough(&settings, &missing), "is not enough");
    is(missing, "no OS_USERNAME", "and what it lacks");
    free(missing);
    setenv("OS_USERNAME", "u", 1);
    ok(vmtp_os_environment_enough(&settings, &missing) && !missing, "one with all of it");
    VMTP_CLEAN(mem) char *got = found(&settings);
    is(got, USUAL, "its credentials");
    settings.no_env = true;
    ok(!vmtp_os_credentials_given(&settings), "is not looked at with --no-env");
    clear_environment();
}

/* ---- clouds.yaml ---- */

static void cloud_is(const char *cloud, const char *want, const char *what)
{
    const struct vmtp_settings settings = {.os_cloud = cloud};
    VMTP_CLEAN(mem) char *got = found(&settings);
    is(got, want, what);
}

static const char CLOUDS[] =
    "clouds:\n"
    "  one:\n"
    "    auth: {auth_url: 'http://c/v3', username: u, project_name: n, user_domain_name: Default}\n"
    "    regions: [r1, r2]\n"
    "    interface: internal\n"
    "    verify: false\n"
    "    network-endpoint-override: http://n\n"
    "  app:\n"
    "    auth_type: v3applicationcredential\n"
    "    region_name: r3\n"
    "    auth: {auth_url: 'http://c', application_credential_id: a, application_credential_secret: s}\n"
    "  vendor: {profile: rackspace, auth: {username: u}}\n"
    "  poor: {auth: {username: u}}\n"
    "  totp: {auth_type: v3totp, auth: {auth_url: 'http://c'}}\n";

static void test_clouds(void)
{
    write_file("clouds.yaml", CLOUDS);
    write_file("secure.yaml", "clouds:\n  one: {auth: {password: from-secure}}\n");
    cloud_is("one", "password url=http://c/v3 user=u user_domain=Default password=from-secure project=n "
                    "project_domain_id=default region=r1 interface=internal network=http://n insecure=yes",
             "an entry and what secure.yaml adds");
    cloud_is("app", "application url=http://c app_id=a secret=s region=r3 interface=public",
             "an application credential");
    cloud_is("poor", "cloud poor of clouds.yaml: not enough to log in to OpenStack: no auth_url, no project_name or "
                     "project_id", "what is missing, in its words");
    cloud_is("vendor", "clouds.yaml:12:21: cloud 'vendor': profiles of vendors are not known here: write auth_url and "
                       "what else the profile says into the entry", "a vendor's profile");
    cloud_is("totp", "cloud totp of clouds.yaml: auth_type v3totp is not supported, as one-time passwords and "
                     "federated logins are not: use a password, a token or an application credential",
             "one-time passwords");
    cloud_is("ohne", "there is no cloud 'ohne' in clouds.yaml: did you mean 'one'?; there are: one, app, vendor, poor, "
                     "totp", "a misspelt name");
    cloud_is("elsewhere", "there is no cloud 'elsewhere' in clouds.yaml; there are: one, app, vendor, poor, totp",
             "another name");
    write_file("other.json", "{\"clouds\": {\"j\": {\"auth\": {\"auth_url\": \"http://j\", \"token\": \"t\"}}}}");
    setenv("OS_CLIENT_CONFIG_FILE", "other.json", 1);
    setenv("OS_CLOUD", "j", 1);
    const struct vmtp_settings settings = {0};
    VMTP_CLEAN(mem) char *json = found(&settings);
    is(json, "token url=http://j token=t interface=public", "OS_CLOUD and OS_CLIENT_CONFIG_FILE, in JSON");
    clear_environment();
    rc_is("export OS_CLOUD=app", "application url=http://c app_id=a secret=s region=r3 interface=public",
          "an rc file that names an entry");
    unlink("secure.yaml");
    unlink("clouds.yaml");
    write_file("clouds.yml", "clouds: [1]\n");
    cloud_is("one", "clouds.yml:1:9: clouds: a list where a map is expected", "not a map");
    unlink("clouds.yml");
    mkdir(".config", 0700);
    mkdir(".config/openstack", 0700);
    setenv("HOME", directory, 1);
    write_file(".config/openstack/clouds.yaml", CLOUDS);
    cloud_is("app", "application url=http://c app_id=a secret=s region=r3 interface=public", "the user's directory");
    unlink(".config/openstack/clouds.yaml");
    VMTP_CLEAN(mem) char *none =
        vmtp_format("cloud 'app': no clouds.yaml with clouds was found; looked for clouds.yaml, "
                    "%s/.config/openstack/clouds.yaml, /etc/openstack/clouds.yaml", directory);
    if (access("/etc/openstack/clouds.yaml", F_OK) == 0)
        skip(1, "this machine has a clouds.yaml of its own");
    else
        cloud_is("app", none, "no file at all");
}

int main(void)
{
    pid_t child = fork(); /* which has no controlling terminal: nobody is asked */
    if (child > 0) {
        int status = 0;
        (void)waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
    }
    (void)setsid();
    vmtp_log_set_level(VMTP_LOG_ERROR);
    if (!mkdtemp(directory) || chdir(directory) < 0)
        return 99;
    unsetenv("XDG_CONFIG_HOME");
    clear_environment();
    test_words();
    test_limits();
    test_dashboard();
    test_variants();
    test_missing();
    test_environment();
    test_clouds();
    static const char *const leftovers[] = {"rc", "other.json", ".config/openstack", ".config", directory};
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0]; i++)
        (void)remove(leftovers[i]);
    return done_testing();
}
