#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What tests ask of a cloud: one small client, because the openstack program takes seconds to start.

The credentials are the OS_* variables of the environment. Commands:

  census                        a line for everything there is, "KIND ID NAME"; the same before and after a run
  show KIND NAME                what the cloud says of it, sorted, without what changes by itself
  count KIND                    how many there are
  wait SECONDS KIND [FIELD=VALUE]
                                until there is one whose FIELD is VALUE and whose id is not among the words of $KNOWN
  make KIND NAME [KEY=VALUE...] network (cidr), router (external), security_group, keypair (file), flavor (ram, vcpus,
                                disk), image (like), application_credential (prints id and secret)
  remove KIND NAME|ID           and what is in it; a network with its subnets, a router with its interfaces
  attach ROUTER NETWORK         the subnets of a network
  quota KEY=VALUE...            of the project, of compute or network; the old values are printed in this form
"""
import http.client
import json
import os
import ssl
import sys
import time
import urllib.parse

VOLATILE = {"updated_at", "revision_number", "status", "standard_attr_id"}
LISTS = {  # kind: service, path, key
    "server": ("compute", "/servers/detail", "servers"),
    "keypair": ("compute", "/os-keypairs", "keypairs"),
    "flavor": ("compute", "/flavors/detail", "flavors"),
    "server_group": ("compute", "/os-server-groups", "server_groups"),
    "network": ("network", "/v2.0/networks", "networks"),
    "subnet": ("network", "/v2.0/subnets", "subnets"),
    "router": ("network", "/v2.0/routers", "routers"),
    "port": ("network", "/v2.0/ports", "ports"),
    "floatingip": ("network", "/v2.0/floatingips", "floatingips"),
    "security_group": ("network", "/v2.0/security-groups", "security_groups"),
    "image": ("image", "/v2/images", "images"),
}


class Cloud:
    def __init__(self):
        self.connections = {}
        env = os.environ
        user = {"name": env["OS_USERNAME"], "password": env["OS_PASSWORD"], "domain": {"id": "default"}}
        scope = {"project": {"name": env["OS_PROJECT_NAME"], "domain": {"id": "default"}}}
        auth = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}
        self.token = None
        self.endpoints = {"identity": env["OS_AUTH_URL"]}
        status, token, headers = self.send("identity", "POST", "/auth/tokens", auth)
        if status != 201:
            sys.exit(f"cloud.py: no token: {status} {token}")
        self.token = headers["X-Subject-Token"]
        token = token["token"]
        self.project, self.user = token["project"]["id"], token["user"]["id"]
        self.admin = any(r["name"] == "admin" for r in token["roles"])
        here = ("public", env.get("OS_REGION_NAME", "RegionOne"))
        for service in token["catalog"]:
            for endpoint in service["endpoints"]:
                if (endpoint["interface"], endpoint["region_id"]) == here:
                    self.endpoints[service["type"]] = endpoint["url"]

    def send(self, service, method, path, body=None, content=None):
        url = urllib.parse.urlsplit(self.endpoints[service])
        for attempt in (1, 2):
            connection = self.connections.get(url.netloc)
            if not connection:
                if url.scheme == "https":
                    context = ssl.create_default_context(cafile=os.environ.get("OS_CACERT"))
                    connection = http.client.HTTPSConnection(url.netloc, timeout=60, context=context)
                else:
                    connection = http.client.HTTPConnection(url.netloc, timeout=60)
                self.connections[url.netloc] = connection
            headers = {"Content-Type": content or "application/json", "Accept": "application/json"}
            if self.token:
                headers["X-Auth-Token"] = self.token
            data = body if content else json.dumps(body) if body is not None else None
            try:
                connection.request(method, url.path + path, data, headers)
                answer = connection.getresponse()
                text = answer.read()
                break
            except (http.client.HTTPException, OSError):
                connection.close()
                del self.connections[url.netloc]
                if attempt == 2:
                    raise
        if answer.headers.get("Connection") == "close":
            self.connections.pop(url.netloc).close()
        try:
            return answer.status, json.loads(text or b"null"), answer.headers
        except ValueError:
            return answer.status, text, answer.headers

    def ask(self, service, method, path, body=None, content=None, allow=()):
        status, answer, _ = self.send(service, method, path, body, content)
        if status >= 400 and status not in allow:
            sys.exit(f"cloud.py: {method} {path}: {status} {answer}")
        return answer

    def list(self, kind):
        service, path, key = LISTS[kind]
        if kind in ("server",) and self.admin:
            path += "?all_tenants=1"
        if kind == "flavor" and self.admin:
            path += "?is_public=None"
        items = self.ask(service, "GET", path)[key]
        if kind == "keypair":
            items = [dict(item["keypair"], id=item["keypair"]["name"]) for item in items]
        if kind == "port":  # those of DHCP come and go with an agent's mood
            items = [item for item in items if item["device_owner"] != "network:dhcp"]
        if kind not in ("server", "keypair", "flavor", "server_group", "image") and not self.admin:
            items = [item for item in items if item["project_id"] == self.project or item.get("shared")]
        return items

    def one(self, kind, name):
        found = [item for item in self.list(kind) if name in (item.get("name"), item["id"]) and
                 item.get("project_id", self.project) in (self.project, "")]
        if len(found) != 1:
            sys.exit(f"cloud.py: {len(found)} of kind {kind} are called {name}")
        return found[0]


def settings(words):
    return dict(word.split("=", 1) for word in words)


def census(cloud):
    for kind in LISTS:
        for item in sorted(cloud.list(kind), key=lambda item: item["id"]):
            if kind == "security_group" and item["name"] == "default":
                continue  # neutron makes it when a project is looked at for the first time
            print(kind, item["id"], item.get("name") or item.get("floating_ip_address") or "-")


def steady(item):
    if isinstance(item, dict):
        return {key: steady(value) for key, value in item.items() if key not in VOLATILE}
    return sorted((steady(value) for value in item), key=json.dumps) if isinstance(item, list) else item


def show(cloud, kind, name):
    item = cloud.one(kind, name)
    if kind == "router":
        ports = [port["fixed_ips"] for port in cloud.list("port") if port["device_id"] == item["id"]]
        item = dict(item, ports=ports)
    print(json.dumps(steady(item), indent=1, sort_keys=True))


def wait(cloud, seconds, kind, *words):
    known = set(os.environ.get("KNOWN", "").split())
    deadline = time.monotonic() + float(seconds)
    while time.monotonic() < deadline:
        for item in cloud.list(kind):
            if item["id"] not in known and all(item.get(k) == v for k, v in settings(words).items()):
                print(item["id"])
                return
        time.sleep(0.2)
    sys.exit(f"cloud.py: no new {kind} within {seconds} s")


def make_network(cloud, name, cidr):
    network = cloud.ask("network", "POST", "/v2.0/networks", {"network": {"name": name}})["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": cidr, "name": name + "-subnet"}
    cloud.ask("network", "POST", "/v2.0/subnets", {"subnet": subnet})
    return network["id"]


def make_router(cloud, name, external=None):
    router = {"name": name}
    if external:
        found = cloud.ask("network", "GET", "/v2.0/networks?name=" + external)["networks"]
        router["external_gateway_info"] = {"network_id": found[0]["id"]}
    return cloud.ask("network", "POST", "/v2.0/routers", {"router": router})["router"]["id"]


def make_security_group(cloud, name):
    group = {"security_group": {"name": name}}
    group = cloud.ask("network", "POST", "/v2.0/security-groups", group)["security_group"]["id"]
    for protocol in ("icmp", "tcp", "udp"):
        rule = {"security_group_id": group, "direction": "ingress", "ethertype": "IPv4", "protocol": protocol}
        cloud.ask("network", "POST", "/v2.0/security-group-rules", {"security_group_rule": rule})
    return group


def make_keypair(cloud, name, file):
    with open(file) as key:
        keypair = {"name": name, "public_key": key.read()}
    return cloud.ask("compute", "POST", "/os-keypairs", {"keypair": keypair})["keypair"]["name"]


def make_flavor(cloud, name, ram="512", vcpus="1", disk="2"):
    flavor = {"name": name, "ram": int(ram), "vcpus": int(vcpus), "disk": int(disk)}
    return cloud.ask("compute", "POST", "/flavors", {"flavor": flavor})["flavor"]["id"]


def make_image(cloud, name, file=None, min_disk="0", min_ram="0"):
    image = {"name": name, "disk_format": "qcow2", "container_format": "bare", "min_disk": int(min_disk),
             "min_ram": int(min_ram)}
    image = cloud.ask("image", "POST", "/v2/images", image)["id"]
    data = open(file, "rb").read() if file else b"not an image"
    cloud.ask("image", "PUT", f"/v2/images/{image}/file", data, "application/octet-stream")
    return image


def make_application_credential(cloud, name):
    body = {"application_credential": {"name": name}}
    path = f"/users/{cloud.user}/application_credentials"
    made = cloud.ask("identity", "POST", path, body)["application_credential"]
    return made["id"] + " " + made["secret"]


MAKE = {"network": make_network, "router": make_router, "security_group": make_security_group,
        "keypair": make_keypair, "flavor": make_flavor, "image": make_image,
        "application_credential": make_application_credential}


def make(cloud, kind, name, *words):
    print(MAKE[kind](cloud, name, **settings(words)))


def remove(cloud, kind, name):
    if kind == "application_credential":
        path = f"/users/{cloud.user}/application_credentials"
        for item in cloud.ask("identity", "GET", path + "?name=" + name)["application_credentials"]:
            cloud.ask("identity", "DELETE", f"{path}/{item['id']}")
        return
    found = [item for item in cloud.list(kind) if name in (item.get("name"), item["id"])]
    for item in found:
        if kind == "router":
            for port in cloud.list("port"):
                if port["device_id"] == item["id"] and port["device_owner"] == "network:router_interface":
                    cloud.ask("network", "PUT", f"/v2.0/routers/{item['id']}/remove_router_interface",
                              {"port_id": port["id"]})
        service, path, _ = LISTS[kind]
        path = path.replace("/detail", "")
        cloud.ask(service, "DELETE", f"{path}/{item['id']}", allow=(404,))
        for _ in range(240 if kind == "server" else 0):
            if not any(other["id"] == item["id"] for other in cloud.list(kind)):
                break
            time.sleep(0.5)


def attach(cloud, router, network):
    router, network = cloud.one("router", router), cloud.one("network", network)
    for subnet in network["subnets"]:
        cloud.ask("network", "PUT", f"/v2.0/routers/{router['id']}/add_router_interface", {"subnet_id": subnet})


def quota(cloud, *words):
    for key, value in settings(words).items():
        if key in ("network", "subnet", "router", "port", "floatingip", "security_group", "security_group_rule"):
            service, path, name = "network", f"/v2.0/quotas/{cloud.project}", "quota"
        else:
            service, path, name = "compute", f"/os-quota-sets/{cloud.project}", "quota_set"
        print(f"{key}={cloud.ask(service, 'GET', path)[name][key]}")
        cloud.ask(service, "PUT", path, {name: {key: int(value)}})


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    command = {"census": census, "show": show, "wait": wait, "make": make, "remove": remove, "attach": attach,
               "quota": quota, "count": lambda cloud, kind: print(len(cloud.list(kind)))}[sys.argv[1]]
    command(Cloud(), *sys.argv[2:])


main()
