#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every way to say who one is: rc file, environment, clouds.yaml, application credential, password by itself.
. "${srcdir:-.}/tests/openstack/lab.sh"

planned() { # planned NAME OPTION...
    name=$1
    shift
    vmtp plan --protocols T "$@"
    is "$name" "$status" 0 || told
    like "... plans six flows" "$out" 'Flow 6: VM to VM different network floating IP'
}
remember
secret=$(cat "$lab_state/secret")
planned "the environment"
planned "an rc file" -r "$lab_state/openrc" --no-env
sed "s/^export //; s/=\(.*\)/='\1' # a comment/" "$lab_state/openrc" >"$tmp/plain-rc"
planned "an rc file without export, with quotes and comments" -r "$tmp/plain-rc" --no-env

# as the dashboard writes it
cat >"$tmp/dashboard-rc" <<'END'
#!/usr/bin/env bash
# To use an OpenStack cloud you need to authenticate against the Identity service.
export OS_AUTH_URL=http://10.20.0.10:5000/v3/
export OS_PROJECT_NAME="admin"
export OS_USER_DOMAIN_NAME="Default"
if [ -z "$OS_USER_DOMAIN_NAME" ]; then unset OS_USER_DOMAIN_NAME; fi
export OS_PROJECT_DOMAIN_ID="default"
if [ -z "$OS_PROJECT_DOMAIN_ID" ]; then unset OS_PROJECT_DOMAIN_ID; fi
unset OS_TENANT_ID
unset OS_TENANT_NAME
export OS_USERNAME="admin"
echo "Please enter your OpenStack Password for project $OS_PROJECT_NAME as user $OS_USERNAME: "
read -sr OS_PASSWORD_INPUT
export OS_PASSWORD=$OS_PASSWORD_INPUT
export OS_REGION_NAME="RegionOne"
if [ -z "$OS_REGION_NAME" ]; then unset OS_REGION_NAME; fi
export OS_INTERFACE=public
export OS_IDENTITY_API_VERSION=3
END
(umask 077 && printf '%s\n' "$secret" >"$tmp/password")
planned "an rc file of the dashboard, with a password file" -r "$tmp/dashboard-rc" --no-env \
    --os-password-file "$tmp/password"
vmtp plan -r "$tmp/dashboard-rc" --no-env </dev/null
is "... without a password and without a terminal" "$status" 2
like "... names what is missing" "$err" 'OS_PASSWORD|password'
planned "-p" -r "$tmp/dashboard-rc" --no-env -p "$secret"

mkdir -p "$HOME/.config/openstack"
cp "$lab_state/clouds.yaml" "$HOME/.config/openstack/"
planned "clouds.yaml in its place" --os-cloud lab --no-env
planned "clouds.yaml, the https region" --os-cloud lab-tls --no-env
sed "s/$secret/wrong/" "$lab_state/clouds.yaml" >"$HOME/.config/openstack/clouds.yaml"
printf 'clouds:\n  lab:\n    auth:\n      password: %s\n' "$secret" >"$HOME/.config/openstack/secure.yaml"
planned "secure.yaml beside it" --os-cloud lab --no-env
vmtp plan --os-cloud lba --no-env
is "a cloud that is not in it" "$status" 2
like "... and which are" "$err" 'lab-demo'

credential=$(cloud make application_credential vmtp-test)
at_exit 'cloud remove application_credential vmtp-test'
cat >"$tmp/app-rc" <<END
export OS_AUTH_TYPE=v3applicationcredential
export OS_AUTH_URL=http://10.20.0.10:5000/v3
export OS_APPLICATION_CREDENTIAL_ID=${credential% *}
export OS_APPLICATION_CREDENTIAL_SECRET=${credential#* }
export OS_REGION_NAME=RegionOne
END
planned "an application credential" -r "$tmp/app-rc" --no-env
sed "s/^export OS_APPLICATION_CREDENTIAL_ID=.*/export OS_APPLICATION_CREDENTIAL_NAME=vmtp-test\\
export OS_USERNAME=admin\\
export OS_USER_DOMAIN_NAME=Default/" "$tmp/app-rc" >"$tmp/app-name-rc"
planned "... by its name and user" -r "$tmp/app-name-rc" --no-env
vmtp -r "$tmp/app-rc" --no-env --same-network-only --inter-node-only --protocols T -t 1 --json "$tmp/out.json"
is "... a run" "$status" 0 || told

sed 's#/v3#/v2.0#; s/OS_PROJECT_NAME/OS_TENANT_NAME/; /DOMAIN/d; /API_VERSION/d' "$lab_state/openrc" >"$tmp/v2-rc"
planned "a file for Keystone v2: v3 is looked for" -r "$tmp/v2-rc" --no-env
echo 'export OS_AUTH_TYPE=v3totp' >>"$tmp/v2-rc"
vmtp plan -r "$tmp/v2-rc" --no-env
is "what is not supported" "$status" 2
like "... is named" "$err" 'v3totp'
vmtp plan --no-env --protocols T
is "nothing at all" "$status" 2
same "nothing was made"
done_testing
