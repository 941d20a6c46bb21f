/* SPDX-License-Identifier: Apache-2.0 */
/* What is decided before anything is made, against a web server on loopback that plays a script: image, flavor, quota,
 * placement. */
#include <stdlib.h>
#include <sys/stat.h>

#include "core/ctx.h"
#include "core/ledger.h"
#include "core/log.h"
#include "core/openstack/flavor.h"
#include "core/openstack/image-file.h"
#include "core/openstack/image.h"
#include "core/openstack/names.h"
#include "core/openstack/placement.h"
#include "core/openstack/quota.h"
#include "core/openstack/session-inside.h"
#include "core/util/cleanup.h"
#include "core/util/json.h"
#include "core/util/str.h"
#include "tests/unit/scripted-http.h"

#define LOGIN_AS(role)                                                                                               \
    "{'method': 'POST', 'path': '/v3/auth/tokens', 'status': 201, 'headers': {'X-Subject-Token': 't'}, 'body':"      \
    "{'token': {'user': {'id': 'u1'}, 'project': {'id': 'p1'}, 'roles': [{'name': '" role "'}],"                     \
    " 'catalog': [{'type': 'compute', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url':"                \
    " '@URL@/c/v2.1'}]}, {'type': 'network', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url':"         \
    " '@URL@/n'}]}, {'type': 'image', 'endpoints': [{'interface': 'public', 'region_id': 'R', 'url':"                \
    " '@URL@/i/v2'}]}]}}}"
#define LOGIN LOGIN_AS("admin")
static const char TAG[] = "vmtp:01234567-89ab-4def-8123-456789abcdef";

static struct scripted server;
static struct vmtp_ctx ctx;
static struct vmtp_os_credentials credentials;
static struct vmtp_os_session *session;
static char directory[] = "/tmp/vmtp-os-ready.XXXXXX";

/* JSON may be written with ' in place of " here. A new session, and what the server says to it. */
static void begin(const char *login, const char *rules)
{
    static char url[100];
    VMTP_CLEAN(mem) char *all = vmtp_format("[%s, %s]", login, rules);
    for (char *c = all; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    scripted_say(&server, all);
    snprintf(url, sizeof url, "%s/v3", server.url);
    credentials = (struct vmtp_os_credentials){.source = (char *)"rc", .auth_url = url, .username = (char *)"u",
        .password = (char *)"p", .project_name = (char *)"n"};
    vmtp_ctx_forget(&ctx);
    if (vmtp_os_open(&ctx, &credentials, &session) < 0) {
        printf("Bail out! no session: %s\n", vmtp_ctx_error(&ctx, 0));
        exit(99);
    }
    vmtp_http_policy(vmtp_os_http(session))->first_pause = 0.01;
}

/* The requests of a session after its login as "METHOD PATH; ...", and its end. The caller frees it. */
static char *end(void)
{
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    struct vmtp_buf words = VMTP_BUF(4000);
    size_t i;
    json_t *entry;
    json_array_foreach (log, i, entry)
        if (i > 0)
            (void)vmtp_buf_printf(&words, "%s%s %s", words.len ? "; " : "", vmtp_json_text(entry, "method"),
                                  vmtp_json_text(entry, "path"));
    vmtp_os_close(session);
    return vmtp_buf_take(&words);
}

/* The body of the i-th request after the login, as JSON. */
static json_t *sent(size_t i)
{
    VMTP_CLEAN(json) json_t *log = scripted_log(&server);
    return json_loads(vmtp_json_text(json_array_get(log, i + 1), "body"), 0, NULL);
}

static void write_file(const char *name, const char *bytes, size_t n)
{
    VMTP_CLEAN(file) FILE *file = fopen(name, "w");
    if (file)
        fwrite(bytes, 1, n, file);
}

/* ---- formats ---- */

static void test_formats(void)
{
    static char iso[33000], vdi[80];
    memcpy(iso + 32769, "CD001", 5);
    memcpy(vdi + 64, "\x7F\x10\xDA\xBE", 4);
    const struct {
        const char *head;
        size_t n;
        const char *format;
        double size;
    } cases[] = {
        {"QFI\xFB\0\0\0\3--------\0\0\0\0\0\0\0\0\0\0\0\0\x80\0\0\0", 32, "qcow2", 2147483648.0},
        {"QFI\xFB\0\0\0\3", 8, "qcow2", 0},
        {"KDMV\1\0\0\0\3\0\0\0\0\x10\0\0\0\0\0\0", 20, "vmdk", 4096 * 512.0},
        {"vhdxfile", 8, "vhdx", 0},
        {"conectix\0", 9, "vhd", 0},
        {vdi, sizeof vdi, "vdi", 0},
        {iso, sizeof iso, "iso", 0},
        {"\xEB\x63\x90\0", 4, "raw", 0},
        {"\x1F\x8B\x08\0", 4, NULL, 0},
        {"\xFD" "7zXZ\0", 6, NULL, 0},
        {"PK\3\4", 4, NULL, 0},
        {"<!DOCTYPE html>", 15, NULL, 0},
        {"Not found\r\n", 11, NULL, 0},
        {"", 0, NULL, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double size;
        is(vmtp_image_format((const unsigned char *)cases[i].head, cases[i].n, &size), cases[i].format, "a format");
        is_number(size, cases[i].size, "and the size of the disk");
    }
    VMTP_CLEAN(mem) char *path = vmtp_file_url_path("file:///a%20b/%zz");
    is(path, "/a b/%zz", "the path of a URL");
    ok(!vmtp_file_url_path("file://host/a"), "a file of another host is none");
}

/* ---- images ---- */

#define ACTIVE "'id': 'i1', 'name': 'Debian 12', 'status': 'active', 'min_disk': 1, 'min_ram': 64, 'virtual_size': " \
               "2500000000"
#define BY_NAME(images) "{'method': 'GET', 'path': '/i/v2/images?name=Debian%2012', 'body': {'images': [" images "]}}"
#define ALL_IMAGES "{'method': 'GET', 'path': '/i/v2/images?status=active', 'body': {'images': [{'name': 'a', " \
                   "'status':" \
                   " 'active'}, {'name': 'b', 'status': 'active', 'tags': ['vmtp:1']}]}}"

/* What is found, as text, or the error. The caller frees it. */
static char *found(const char *rules, const struct vmtp_settings *settings)
{
    struct vmtp_os_image image;
    begin(LOGIN, rules);
    int rc = vmtp_os_image_find(&ctx, session, settings, &image);
    char *text = rc < 0 ? strdup(vmtp_ctx_error(&ctx, rc))
                        : vmtp_format("%s %s disk %lld ram %lld%s", image.id ? image.id : "-", image.name,
                                      (long long)image.min_disk, (long long)image.min_ram,
                                      image.missing ? " missing" : "");
    vmtp_os_image_clear(&image);
    free(end());
    return text;
}

static void found_is(const char *rules, struct vmtp_settings settings, const char *want, const char *what)
{
    VMTP_CLEAN(mem) char *got = found(rules, &settings);
    is(got, want, what);
}

static void test_find_image(void)
{
    const struct vmtp_settings usual = {.image_name = "Debian 12"};
    struct vmtp_settings other = usual;
    found_is(BY_NAME("{" ACTIVE "}, {'id': 'i2', 'status': 'queued'}, {'id': 'i3', 'status': 'active', 'tags': ['x',"
                     " 'vmtp:1']}"), usual, "i1 Debian 12 disk 3 ram 64", "an active image, not that of another run");
    found_is(BY_NAME("{" ACTIVE ", 'visibility': 'public', 'created_at': 'then'}, {'id': 'i2', 'status': 'active',"
                     " 'visibility': 'private', 'created_at': 'now'}"), usual,
             "several images are called 'Debian 12': set image_name to the id of one: i1 (public, of then), i2 "
             "(private, "
             "of now)", "two of them");
    found_is(BY_NAME("{'id': 'i2', 'status': 'queued'}") ", " ALL_IMAGES, usual,
             "there is no active image 'Debian 12' (one is queued) (set image_name to one that is there: 'a', or "
             "vm_image_url to where it can be uploaded from)", "none that is active");
    other.vm_image_url = "file:///nowhere";
    found_is(BY_NAME("") ", " ALL_IMAGES, other,
             "there is no active image 'Debian 12' (set image_name to one that is there: 'a'), and its vm_image_url "
             "cannot be used: file:///nowhere: No such file or directory", "a file that is not there");
    other.vm_image_url = "http://u:s3cret@h/i";
    VMTP_CLEAN(mem) char *login = found(BY_NAME("") ", " ALL_IMAGES, &other);
    ok(strstr(login, "a user and a password in a URL are not supported") && !strstr(login, "s3cret"),
       "a login in a URL");
    VMTP_CLEAN(mem) char *url = vmtp_format("%s/page", server.url);
    VMTP_CLEAN(mem) char *error = vmtp_format(
        "there is no active image 'Debian 12' (set image_name to one that is there: 'a'), and its vm_image_url "
        "cannot be "
        "used: %s: not a disk image (a text, or something compressed that has to be unpacked first)", url);
    other.vm_image_url = url;
    found_is(BY_NAME("") ", {'path': '/page', 'body': '<html>'}, " ALL_IMAGES, other, error, "a page in its place");
    found_is(BY_NAME("") ", {'path': '/page', 'body': '\\u0000\\u0001\\u0002'}", other, "- Debian 12 disk 1 ram 0 "
                                                                                        "missing",
             "one that can be uploaded");
    other.image_name = "01234567-89ab-4def-8123-456789abcdef";
    found_is("{'path': '/i/v2/images/01234567-89ab-4def-8123-456789abcdef', 'body': {" ACTIVE "}}", other,
             "i1 Debian 12 disk 3 ram 64", "one by its id");
    found_is("{'path': '/i/v2/images/01234567-89ab-4def-8123-456789abcdef', 'body': {'status': 'killed'}}", other,
             "image 01234567-89ab-4def-8123-456789abcdef is killed, not active", "... that is not active");
}

static void no_tell(void *arg, const char *text)
{
    snprintf(arg, 200, "%s", text);
}

/* Uploads a file by these rules. The requests; *error is what went wrong. */
static char *uploaded(const char *rules, bool keep, char **error, char told[200])
{
    VMTP_CLEAN(mem) char *url = vmtp_format("file://%s/disk", directory);
    struct vmtp_os_image image = {.name = strdup("Debian 12"), .url = strdup(url), .missing = true};
    const struct vmtp_settings settings = {.image_name = "Debian 12", .delete_image_after_run = !keep,
        .vm_image_checksum = "sha256:684d23563f241afc54d5275d7bad72578fcfa310257ba9722419fbd7909a2cbc"};
    begin(LOGIN, rules);
    int rc = vmtp_os_image_upload(&ctx, session, &settings, TAG, no_tell, told, &image);
    *error = strdup(vmtp_ctx_error(&ctx, rc));
    if (rc == VMTP_OK) {
        VMTP_CLEAN(json) json_t *body = sent(0);
        is(vmtp_json_text(body, "id"), image.id, "the image gets an id of our own");
        is(vmtp_json_text(body, "disk_format"), "raw", "its format");
        is(json_string_value(json_array_get(json_object_get(body, "tags"), 0)), TAG, "the tag of the run");
        ok(image.ours == !keep && !image.missing, "and is the run's when it is to be removed");
    }
    vmtp_os_image_clear(&image);
    return end();
}

static void test_upload(void)
{
    static const char RULES[] = "{'method': 'POST', 'path': '/i/v2/images', 'status': 201, 'body': {}},"
                                "{'method': 'PUT', 'path': '/i/v2/images/*', 'status': 204},"
                                "{'method': 'GET', 'path': '/i/v2/images/*', 'body': {'status': 'saving'}},"
                                "{'method': 'GET', 'path': '/i/v2/images/*', 'body': {" ACTIVE "}},"
                                "{'method': 'DELETE', 'path': '/i/v2/images/*', 'status': 204}";
    char told[200] = "";
    char *error;
    write_file("disk", "\xEB\1\2", 3);
    VMTP_CLEAN(mem) char *kept = uploaded(RULES, true, &error, told);
    is(error, "no error", "an upload");
    free(error);
    ok(strncmp(kept, "POST /i/v2/images; PUT /i/v2/images/", 36) == 0 && strstr(kept, "/file; GET ") &&
           strstr(kept, "; DELETE /i/v2/images/") && strstr(kept, "/tags/vmtp%3A01234567"), "the record, the bytes, "
                                                                                            "the wait, the tag");
    is_int((long long)vmtp_ledger_left(ctx.ledger), 0, "what stays is not in the ledger");
    is(told, "image Debian 12: uploading, 0 of 0 MB", "progress");
    VMTP_CLEAN(mem) char *removed = uploaded(RULES, false, &error, told);
    is(error, "no error", "one that is to be removed");
    free(error);
    ok(!strstr(removed, "DELETE"), "keeps its tag");
    is_int((long long)vmtp_ledger_left(ctx.ledger), 1, "and stays in the ledger");
    VMTP_CLEAN(mem) char *refused = uploaded("{'method': 'POST', 'status': 403, 'body': {'message': 'not you'}}", false,
                                             &error, told);
    contains(error, "image 'Debian 12': uploading an image is refused; set image_name to one that is there", "refused");
    free(error);
    is(refused, "POST /i/v2/images", "nothing else is sent");
    is_int((long long)vmtp_ledger_left(ctx.ledger), 1, "and nothing is left to be removed");
    VMTP_CLEAN(mem) char *killed = uploaded("{'method': 'POST', 'status': 201}, {'method': 'PUT', 'status': 204},"
                                            "{'method': 'GET', 'body': {'status': 'killed'}}", false, &error, told);
    is(error, "image 'Debian 12': it became 'killed' after the upload", "one that the service gives up");
    contains(killed, "PUT /i/v2/images", "after its bytes were sent");
    free(error);
    write_file("disk", "\xEB\1\3", 3);
    VMTP_CLEAN(mem) char *wrong = uploaded("{}", false, &error, told);
    contains(error, "its checksum is ", "a file that has changed");
    free(error);
    is(wrong, "", "is not sent");
    unlink("disk");
}

/* A URL of the server that is fetched by these rules. The requests; *error is what went wrong. */
static char *fetched(const char *rules, const char *checksum, char **error, char told[200])
{
    VMTP_CLEAN(mem) char *url = vmtp_format("%s/disk?secret", server.url);
    struct vmtp_os_image image = {
        .name = strdup("Debian 12"), .url = strdup(url), .missing = true, .format = "raw"};
    const struct vmtp_settings settings = {.image_name = "Debian 12", .vm_image_checksum = checksum};
    begin(LOGIN, rules);
    int rc = vmtp_os_image_upload(&ctx, session, &settings, TAG, no_tell, told, &image);
    *error = strdup(vmtp_ctx_error(&ctx, rc));
    vmtp_os_image_clear(&image);
    return end();
}

/* The requests without ids. */
static void requests_are(char *requests, const char *want, const char *what)
{
    for (char *id = requests; (id = strstr(id, "/images/"));) {
        id += sizeof "/images/" - 1;
        if (strlen(id) >= VMTP_OS_UUID - 1)
            memmove(id, id + VMTP_OS_UUID - 1, strlen(id + VMTP_OS_UUID - 1) + 1);
    }
    is(requests, want, what);
    free(requests);
}

#define MD5 "9870c9fcfa030845f0a27048ffb92d7a"
#define INFO "{'path': '/i/v2/info/import', 'body': {'import-methods': {'value': ['glance-direct', 'web-download']}}},"
#define IMPORT INFO "{'method': 'POST', 'path': '/i/v2/images', 'status': 201},"                                     \
                    "{'method': 'POST', 'path': '/i/v2/images/*', 'status': 202},"
#define STATE(state) "{'method': 'GET', 'path': '/i/v2/images/*', 'body': {" state "}},"
#define DISK "{'path': '/disk?secret', 'body': '\\u00eb\\u0001\\u0002'}"
#define UPLOAD "{'method': 'POST', 'path': '/i/v2/images', 'status': 201}, {'method': 'PUT', 'status': 204},"        \
               STATE(ACTIVE)
#define DROP "{'method': 'DELETE', 'path': '/i/v2/images/*', 'status': 204}"
static const char ASKED[] = "GET /i/v2/info/import; POST /i/v2/images; POST /i/v2/images//import; GET /i/v2/images/";
static const char BROUGHT[] = "GET /disk?secret; POST /i/v2/images; PUT /i/v2/images//file; GET /i/v2/images/; DELETE "
                              "/i/v2/images//tags/vmtp%3A01234567-89ab-4def-8123-456789abcdef";

static void test_import(void)
{
    char told[200] = "", *error;
    size_t before = vmtp_ledger_left(ctx.ledger);
    VMTP_CLEAN(mem) char *brought = vmtp_format("%s; DELETE /i/v2/images/; %s", ASKED, BROUGHT);
    VMTP_CLEAN(mem) char *given_up = vmtp_format("%s; GET /i/v2/images//tasks; DELETE /i/v2/images/; %s", ASKED,
                                                 BROUGHT);
    VMTP_CLEAN(mem) char *unoffered = vmtp_format("GET /i/v2/info/import; %s", BROUGHT);
    VMTP_CLEAN(mem) char *wanted = vmtp_format("%s; GET /i/v2/images/; DELETE /i/v2/images//tags/%s", ASKED,
                                               "vmtp%3A01234567-89ab-4def-8123-456789abcdef");
    char *got = fetched(IMPORT STATE("'status': 'importing'") STATE(ACTIVE ", 'checksum': '" MD5 "'") DROP,
                        "md5:" MD5, &error, told);
    is(error, "no error", "a service that fetches the image itself");
    free(error);
    requests_are(got, wanted, "nothing passes through here");
    is(told, "image Debian 12: fetched by the cloud", "progress");
    requests_are(fetched(IMPORT STATE(ACTIVE ", 'checksum': 'ab'") DROP "," DISK "," UPLOAD DROP, "md5:" MD5, &error,
                         told),
                 brought, "it has fetched something else: it is brought");
    is(error, "no error", "... and checked here");
    free(error);
    requests_are(fetched(IMPORT STATE("'status': 'queued'") STATE("'x': 1, 'tasks': [{'status': 'failure', 'message': "
                         "'no way'}]") DROP "," DISK "," UPLOAD DROP, NULL, &error, told), given_up,
                 "it cannot reach the URL: it is brought");
    free(error);
    requests_are(fetched("{'path': '/i/v2/info/import', 'status': 404}," DISK "," UPLOAD DROP, "md5:" MD5, &error,
                         told), unoffered,
                 "it does not offer that");
    free(error);
    requests_are(fetched(DISK "," UPLOAD DROP,
                         "sha256:684d23563f241afc54d5275d7bad72578fcfa310257ba9722419fbd7909a2cbc", &error, told),
                 BROUGHT, "a checksum that it would not tell: it is not asked");
    free(error);
    requests_are(fetched(IMPORT STATE(ACTIVE) DROP "," DISK, "md5:00000000000000000000000000000000", &error,
                         told),
                 "GET /i/v2/info/import; POST /i/v2/images; POST /i/v2/images//import; GET /i/v2/images/; DELETE "
                 "/i/v2/images/; GET /disk?secret", "one that nobody can prove");
    contains(error, "its checksum is " MD5, "... is an error");
    ok(!strstr(error, "secret"), "... without the query");
    free(error);
    is_int((long long)(vmtp_ledger_left(ctx.ledger) - before), 0, "nothing of it stays in the ledger");
}

/* ---- flavors ---- */

#define FLAVORS "{'method': 'GET', 'path': '/c/v2.1/flavors/detail', 'times': 0, 'body': {'flavors': [{'id': 'f1',"  \
                " 'name': 'small', 'ram': 512, 'disk': 1, 'vcpus': 1}, {'id': 'f2', 'name': 'large', 'ram': 4096,"   \
                " 'disk': 20, 'vcpus': 2}]}}"

static void flavor_is(const char *login, const char *name, const char *want, const char *what)
{
    const struct vmtp_settings settings = {.flavor_type = name, .flavor = {.vcpus = 1, .ram = 2048}};
    const struct vmtp_os_image image = {.name = (char *)"i", .min_disk = 2, .min_ram = 256};
    struct vmtp_os_flavor flavor;
    begin(login, FLAVORS);
    int rc = vmtp_os_flavor_find(&ctx, session, &settings, &image, &flavor);
    VMTP_CLEAN(mem) char *got = rc < 0 ? strdup(vmtp_ctx_error(&ctx, rc))
                                       : vmtp_format("%s %s %lld%s", flavor.id ? flavor.id : "-", flavor.name,
                                                     (long long)flavor.ram, flavor.missing ? " missing" : "");
    is(got, want, what);
    vmtp_os_flavor_clear(&flavor);
    free(end());
}

static char *made(const char *rules, struct vmtp_os_flavor *flavor)
{
    struct vmtp_node *specs = vmtp_node_new(VMTP_NODE_MAP, NULL);
    (void)vmtp_node_set(specs, "hw:mem_page_size", vmtp_node_scalar(NULL, "2048"));
    const struct vmtp_settings settings = {.flavor_type = "vmtp", .flavor = {.extra_specs = specs}};
    begin(LOGIN, rules);
    int rc = vmtp_os_flavor_create(&ctx, session, &settings, "0123456", flavor);
    vmtp_node_free(specs);
    return strdup(vmtp_ctx_error(&ctx, rc));
}

static void test_flavors(void)
{
    flavor_is(LOGIN, "large", "f2 large 4096", "a flavor by name");
    flavor_is(LOGIN, "f2", "f2 large 4096", "by id");
    flavor_is(LOGIN, "small", "flavor 'small' (512 MB of RAM, 1 GB of disk) is too small for image 'i', which needs "
                              "256 "
                              "MB and 2 GB; flavors that would do: 'large'", "one that is too small");
    flavor_is(LOGIN, "vmtp", "- vmtp 2048 missing", "one that can be made");
    flavor_is(LOGIN_AS("member"), "vmtp", "there is no flavor 'vmtp', and making one needs the role admin: set "
                                          "flavor_type to one that is there; large enough for the image: 'large'",
              "one that cannot");
    struct vmtp_os_flavor flavor = {.vcpus = 1, .ram = 2048};
    size_t before = vmtp_ledger_left(ctx.ledger);
    VMTP_CLEAN(mem) char *error = made("{'method': 'POST', 'path': '/c/v2.1/flavors', 'status': 503},"
                                       "{'method': 'POST', 'path': '/c/v2.1/flavors', 'status': 409},"
                                       "{'method': 'GET', 'path': '/c/v2.1/flavors/*', 'body': {}},"
                                       "{'method': 'POST', 'path': '/c/v2.1/flavors/*'}", &flavor);
    is(error, "no error", "making one, with an answer that is lost");
    is_int((long long)(vmtp_ledger_left(ctx.ledger) - before), 1, "it is in the ledger");
    VMTP_CLEAN(json) json_t *body = sent(0);
    const json_t *sent_flavor = json_object_get(body, "flavor");
    is(vmtp_json_text(sent_flavor, "name"), "vmtp-0123456", "named after the run");
    is(vmtp_json_text(sent_flavor, "id"), flavor.id, "with an id of our own");
    VMTP_CLEAN(json) json_t *specs = sent(3);
    is(vmtp_json_text(json_object_get(specs, "extra_specs"), "hw:mem_page_size"), "2048", "and its extra specs");
    free(end());
    vmtp_os_flavor_clear(&flavor);
    VMTP_CLEAN(mem) char *refused = made("{'method': 'POST', 'status': 403, 'body': {'forbidden': {'message': 'no'}}}, "
                                         FLAVORS, &flavor);
    contains(refused, "flavor 'vmtp-0123456': making a flavor is for administrators; set flavor_type to one that is "
                      "there "
                      "('small', 'large'): ", "one that is refused");
    is_int((long long)(vmtp_ledger_left(ctx.ledger) - before), 1, "is not in the ledger");
    free(end());
    vmtp_os_flavor_clear(&flavor);
    begin(LOGIN, "{'method': 'DELETE', 'path': '/c/v2.1/flavors/x', 'status': 404}");
    is_int(vmtp_os_flavor_delete(&ctx, session, "x"), VMTP_OK, "what is gone is gone");
    free(end());
}

/* ---- quota ---- */

static const char LIMITS[] = "{'path': '/c/v2.1/limits', 'body': {'limits': {'absolute': {'maxTotalInstances': 10,"
                             " 'totalInstancesUsed': 7, 'maxTotalCores': -1, 'totalCoresUsed': 99, "
                             "'maxTotalRAMSize': 4096,"
                             " 'totalRAMUsed': 0, 'maxTotalKeypairs': 2}}}},"
                             "{'path': '/c/v2.1/os-keypairs', 'body': {'keypairs': [{}, {}]}}";

static void test_quota(void)
{
    struct vmtp_os_quota quota;
    const int64_t need[VMTP_OS_QUOTAS] = {[VMTP_OS_INSTANCES] = 5, [VMTP_OS_CORES] = 50, [VMTP_OS_KEY_PAIRS] = 1,
                                          [VMTP_OS_NETWORKS] = 2, [VMTP_OS_PORTS] = 3};
    VMTP_CLEAN(mem) char *details = vmtp_format(
        "%s, {'path': '/n/v2.0/quotas/p1/details.json', 'body': {'quota': {'network': {'limit': 2, 'used': 0, "
        "'reserved':"
        " 1}, 'port': {'limit': -1, 'used': 5}}}}", LIMITS);
    begin(LOGIN, details);
    is_int(vmtp_os_quota_read(&ctx, session, &quota), VMTP_OK, "a quota");
    is_int(vmtp_os_quota_free(&quota, VMTP_OS_INSTANCES), 3, "what is free");
    ok(vmtp_os_quota_free(&quota, VMTP_OS_CORES) == INT64_MAX, "without a limit");
    int rc = vmtp_os_quota_check(&ctx, &quota, need);
    is(vmtp_ctx_error(&ctx, rc), "the quota of the project is too small: 5 instances are needed, and 7 of 10 are in "
                                 "use; "
                                 "1 key pairs are needed, and 2 of 2 are in use; 2 networks are needed, and 1 of 2 "
                                 "are in "
                                 "use", "all that does not fit is named");
    free(end());
    VMTP_CLEAN(mem) char *forbidden = vmtp_format("%s, {'path': '/n/*', 'status': 403}", LIMITS);
    begin(LOGIN, forbidden);
    is_int(vmtp_os_quota_read(&ctx, session, &quota), VMTP_OK, "one that is not told in full");
    ok(vmtp_os_quota_free(&quota, VMTP_OS_NETWORKS) == INT64_MAX, "has no limit there");
    free(end());
}

/* ---- placement ---- */

#define HOST(name, zone, status, state) "{'host': '" name "', 'zone': '" zone "', 'status': '" status "', 'state': '"  \
                                        state "', 'disabled_reason': null, 'binary': 'nova-compute'}"
#define SERVICES(hosts) "{'path': '/c/v2.1/os-services?binary=nova-compute', 'body': {'services': [" hosts "]}}"
#define THREE SERVICES(HOST("c3", "a", "enabled", "up") "," HOST("c1", "a", "disabled", "up") ","                    \
                       HOST("c2", "b", "enabled", "up") "," HOST("c4", "b", "enabled", "down"))
#define HYPERVISORS "{'path': '/c/v2.1/os-hypervisors/detail', 'body': {'hypervisors': [{'hypervisor_hostname':"     \
                    " 'c2.example', 'service': {'host': 'c2'}}]}}"
#define UNSEEN "{'path': '/c/v2.1/os-services*', 'status': 403}"

static void place_is(const char *rules, const char *first, const char *second, const char *zone, const char *want,
                     const char *what)
{
    const char *items[] = {first, second};
    const struct vmtp_settings settings = {
        .hypervisor = {.items = items, .n = (size_t)(first != NULL) + (second != NULL)}, .availability_zone = zone};
    struct vmtp_os_placement placement;
    begin(LOGIN, rules);
    int rc = vmtp_os_place(&ctx, session, &settings, &placement);
    VMTP_CLEAN(mem) char *got = rc < 0 ? vmtp_format("%d: %s", rc, vmtp_ctx_error(&ctx, rc))
                                       : vmtp_format("%s %s%s", placement.where[0] ? placement.where[0] : "-",
                                                     placement.where[1] ? placement.where[1] : "-",
                                                     placement.forced ? "" : " by hints");
    is(got, want, what);
    vmtp_os_placement_clear(&placement);
    free(end());
}

#define HOSTS "a:c3, a:c1 (disabled), b:c2, b:c4 (down)"

static void test_placement(void)
{
    place_is(THREE, NULL, NULL, NULL, "a:c3 b:c2", "any hosts that are enabled and up");
    place_is(THREE, NULL, NULL, "b", "b:c2 -", "of a zone");
    place_is(THREE, NULL, NULL, "x", "-10: no compute host is enabled and up in zone x; hosts: " HOSTS, "none");
    place_is(THREE, "c2", "a:c3", NULL, "b:c2 a:c3", "those that are named, in their order");
    place_is(THREE ", " HYPERVISORS, "c2.example", NULL, NULL, "b:c2 -", "by the name of the hypervisor");
    place_is(THREE ", " HYPERVISORS, "c9", NULL, NULL,
             "-10: --hypervisor c9: there is no such compute host; there are: " HOSTS ", c2 is hypervisor c2.example",
             "a host that is not there");
    place_is(THREE, "b:c3", NULL, NULL, "-10: --hypervisor b:c3: host c3 is in zone a", "another zone");
    place_is(THREE, "c1", NULL, NULL,
             "-10: --hypervisor c1: no machine can be started there now; hosts: " HOSTS, "a disabled host");
    place_is(THREE, "c4", NULL, NULL,
             "-10: --hypervisor c4: no machine can be started there now; hosts: " HOSTS, "one that is down");
    place_is(UNSEEN, NULL, NULL, NULL, "- - by hints", "without the list of hosts");
    place_is(UNSEEN ", {'path': '/c/v2.1/os-availability-zone', 'body': {'availabilityZoneInfo': [{'zoneName': 'z',"
             " 'zoneState': {'available': true}}, {'zoneName': 'y', 'zoneState': {'available': false}}]}}", NULL, NULL,
             "z", "z z by hints", "... in a zone");
    place_is(UNSEEN ", {'path': '/c/v2.1/os-availability-zone', 'body': {'availabilityZoneInfo': [{'zoneName': 'z',"
             " 'zoneState': {'available': true}}, {'zoneName': 'y', 'zoneState': {'available': false}}]}}", NULL, NULL,
             "y", "-10: there is no availability zone 'y' with hosts; there are: z, y (not available)", "... in none");
    place_is(UNSEEN, "z:c1", NULL, NULL, "z:c1 -", "a host that nobody can check");
    place_is(UNSEEN, "c1", NULL, NULL, "-10: --hypervisor c1: the zone of the host cannot be looked up without the "
                                       "role "
                                       "admin: write ZONE:c1", "without its zone");
    const struct vmtp_os_placement free_choice = {.n = 2}, forced = {.n = 2, .forced = true};
    VMTP_CLEAN(json) json_t *same = vmtp_os_place_hints(&free_choice, 0, "s");
    VMTP_CLEAN(json) json_t *different = vmtp_os_place_hints(&free_choice, 1, "s");
    ok(json_object_get(same, "same_host") && json_object_get(different, "different_host"), "hints");
    ok(!vmtp_os_place_hints(&forced, 1, "s"), "that nobody needs where the host is given");
}

int main(void)
{
    vmtp_log_set_level(VMTP_LOG_ERROR);
    vmtp_ctx_init(&ctx, NULL);
    if (!mkdtemp(directory) || chdir(directory) < 0 || setenv("XDG_STATE_HOME", directory, 1) < 0)
        return 99;
    test_formats();
    if (!scripted_start(&server, NULL, NULL)) {
        skip(1, "there is no python3 for the web server");
        return done_testing();
    }
    ctx.ledger = vmtp_ledger_new(TAG + 5);
    ctx.topology = "fixed-ip";
    test_find_image();
    test_upload();
    test_import();
    test_flavors();
    test_quota();
    test_placement();
    scripted_stop(&server);
    vmtp_ledger_close(ctx.ledger);
    vmtp_ctx_clear(&ctx);
    VMTP_CLEAN(mem) char *ledger = vmtp_format("vmtp/runs/%s.ledger", TAG + 5);
    const char *const leftovers[] = {ledger, "vmtp/runs", "vmtp", directory};
    for (size_t i = 0; i < sizeof leftovers / sizeof leftovers[0]; i++)
        (void)remove(leftovers[i]);
    return done_testing();
}
