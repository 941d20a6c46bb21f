/* SPDX-License-Identifier: Apache-2.0 */
#include "core/openstack/http-words.h"

#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "core/openstack/http.h"
#include "core/util/str.h"

/* "https://host:port" of a URL: its length. */
static int host_length(const char *url)
{
    const char *slashes = strstr(url, "://");
    const char *host = slashes ? slashes + 3 : url;
    return (int)(host - url) + (int)strcspn(host, "/?#");
}

static char *not_trusted(const struct vmtp_http_failure *f, int n, const char *why)
{
    if (strstr(why, "subject name") || strstr(why, "host name") || strstr(why, "hostname"))
        return vmtp_format("%.*s: the certificate is for another name (%s): use a URL with the name in it", n, f->url,
                           why);
    if (strstr(why, "expired"))
        return vmtp_format("%.*s: the certificate has expired (%s): whoever runs the cloud has to renew it", n, f->url,
                           why);
    if (f->ca_file)
        return vmtp_format("%.*s: the certificate is not signed by a CA in %s (%s): OS_CACERT or cacert names the file "
                           "with the right one", n, f->url, f->ca_file, why);
    return vmtp_format("%.*s: the certificate is signed by a CA that this machine does not trust (%s): name the file "
                       "with its certificate in OS_CACERT or cacert", n, f->url, why);
}

static char *no_tls(const struct vmtp_http_failure *f, int n, const char *why)
{
    if (strstr(why, "wrong version number") || strstr(why, "packet length too long"))
        return vmtp_format("%.*s: what answers there speaks no TLS (%s): http:// in place of https://?", n, f->url,
                           why);
    if (strstr(why, "alert") || strstr(why, "handshake"))
        return vmtp_format("%.*s: TLS failed (%s): does the service ask for a client certificate (OS_CERT, OS_KEY)?", n,
                           f->url, why);
    return vmtp_format("%.*s: TLS failed: %s", n, f->url, why);
}

static char *timed_out(const struct vmtp_http_failure *f, int n)
{
    double limit = f->timeout > 0 && f->timeout < f->connect ? f->timeout : f->connect;
    if (!f->sent)
        return vmtp_format("%.*s: no connection within %g s: is it the right address, and does a firewall or a proxy "
                           "stand in between?", n, f->url, limit);
    return vmtp_format("%.*s: no answer within %g s", n, f->url, f->timeout);
}

/* The connection broke. A host that has never answered may be another one than was meant, or want to know who we are:
 * in TLS 1.3 it refuses when its handshake is over. */
static char *broke(const struct vmtp_http_failure *f, int n, const char *why)
{
    bool https = strncasecmp(f->url, "https", 5) == 0;
    if (f->answered || f->begun)
        return vmtp_format("%.*s: the connection broke: %s", n, f->url, why);
    return vmtp_format("%.*s: closed without an answer (%s): is it a service of OpenStack, and %s", n, f->url, why,
                       !https ? "http the right scheme?"
                       : f->client_cert ? "does it know the client certificate (OS_CERT, OS_KEY)?"
                                        : "does it ask for a client certificate (OS_CERT, OS_KEY)?");
}

char *vmtp_http_words(const struct vmtp_http_failure *f)
{
    int n = host_length(f->url);
    const char *why = f->words && f->words[0] ? f->words : curl_easy_strerror((CURLcode)f->code);
    if (f->too_long)
        return vmtp_format("%.*s: an answer of more than %d MiB", n, f->url, VMTP_HTTP_ANSWER_MAX >> 20);
    switch ((CURLcode)f->code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return vmtp_format("%.*s: %s: check the URL, and the name service of this machine", n, f->url, why);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return vmtp_format("%.*s: %s: check http_proxy, https_proxy and no_proxy", n, f->url, why);
    case CURLE_COULDNT_CONNECT:
        return vmtp_format("%.*s: %s: is the service up, and the port open?", n, f->url, why);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(f, n);
    case CURLE_PEER_FAILED_VERIFICATION:
        return not_trusted(f, n, why);
    case CURLE_SSL_CONNECT_ERROR:
        return no_tls(f, n, why);
    case CURLE_SSL_CACERT_BADFILE:
        return vmtp_format("%s: no file with CA certificates (%s): check OS_CACERT or cacert",
                           f->ca_file ? f->ca_file : "OS_CACERT", why);
    case CURLE_SSL_CERTPROBLEM:
        return vmtp_format("%s: no usable client certificate (%s): check OS_CERT and OS_KEY",
                           f->client_cert ? f->client_cert : "OS_CERT", why);
    case CURLE_OUT_OF_MEMORY:
    case CURLE_WRITE_ERROR: /* by us, and what would not fit was told above */
        return strdup("out of memory");
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return vmtp_format("%s: not a URL that starts with http:// or https:// and a host", f->url);
    default:
        return broke(f, n, why);
    }
}
