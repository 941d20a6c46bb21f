/* SPDX-License-Identifier: Apache-2.0 */
#include "plugins/topologies/native-host/parse.h"

#include <arpa/inet.h>

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    VMTP_CLEAN(mem) char *text = fuzz_text(data, size);
    for (int ipv6 = 0; ipv6 < 2; ipv6++) {
        char address[ADDRESS_TEXT];
        unsigned char bytes[sizeof(struct in6_addr)];
        if (!parse_interface_address(text, ipv6, address))
            continue;
        FUZZ_HOLDS(inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1);
        FUZZ_HOLDS(!parse_is_link_local(address));
    }
    (void)parse_is_link_local(text);
    return 0;
}
