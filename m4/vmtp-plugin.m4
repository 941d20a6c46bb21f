# SPDX-License-Identifier: Apache-2.0
#
# VMTP_PLUGIN(KIND, NAME, DEFAULT, [CONDITION], [REASON])
# Gives --with-KIND-NAME=yes|builtin|no. CONDITION is a shell condition that must hold; REASON says what is missing when
# it does not. An explicit yes or builtin that cannot be met is an error.
# For the plugin's Makefile.inc: KIND_NAME_LDFLAGS, KIND_NAME_LIBADD. For Makefile.am: VMTP_MODULES, VMTP_BUILTINS,
# VMTP_PREOPEN; VMTP_PLUGIN_PAGES and VMTP_PLUGIN_PODS, the manual pages and what they are made from.
AC_DEFUN([VMTP_PLUGIN], [
m4_pushdef([var], m4_translit([$1_$2], [-a-z], [_A-Z]))dnl
AC_ARG_WITH([$1-$2],
    [AS_HELP_STRING([--with-$1-$2=yes|builtin|no], [the $2 $1 @<:@$3@:>@])],
    [vmtp_asked=$withval], [vmtp_asked=])
vmtp_want=${vmtp_asked:-$3}
vmtp_why=
m4_ifval([$4], [AS_IF([$4], [], [
    AS_IF([test -n "$vmtp_asked" && test "$vmtp_asked" != no], [AC_MSG_ERROR([--with-$1-$2: $5])])
    test "$vmtp_want" = no || vmtp_why=": $5"
    vmtp_want=no])])
AS_CASE([$vmtp_want],
    [yes], [VMTP_MODULES="$VMTP_MODULES $1-$2.la"
            var[]_LDFLAGS='$(LDFLAGS_MODULE)' var[]_LIBADD='core/libvmtp.la'],
    [builtin], [VMTP_BUILTINS="$VMTP_BUILTINS $1-$2.la"
                VMTP_PREOPEN="$VMTP_PREOPEN -dlpreopen $1-$2.la"
                var[]_LDFLAGS='$(LDFLAGS_BUILTIN)' var[]_LIBADD=],
    [no], [var[]_LDFLAGS='$(LDFLAGS_MODULE)' var[]_LIBADD='core/libvmtp.la'],
    [AC_MSG_ERROR([--with-$1-$2 takes yes, builtin or no, not $vmtp_want])])
AS_IF([test "$vmtp_want" != no], [
    VMTP_PLUGIN_PAGES="$VMTP_PLUGIN_PAGES vmtp-$1-$2.1"
    VMTP_PLUGIN_PODS="$VMTP_PLUGIN_PODS plugins/m4_if([$1], [topology], [topologies], [$1s])/$2/$2.pod"])
AC_SUBST(var[]_LDFLAGS)
AC_SUBST(var[]_LIBADD)
VMTP_TABLE="$VMTP_TABLE
$(printf '  %-10s %-18s %s' '$1' '$2' "$vmtp_want$vmtp_why")"
m4_popdef([var])dnl
])

AC_DEFUN([VMTP_PLUGINS_DONE], [
AC_SUBST([VMTP_MODULES])
AC_SUBST([VMTP_BUILTINS])
AC_SUBST([VMTP_PREOPEN])
AC_SUBST([VMTP_PLUGIN_PAGES])
AC_SUBST([VMTP_PLUGIN_PODS])
])

AC_DEFUN([VMTP_SUMMARY], [
AS_ECHO(["
VMTP $PACKAGE_VERSION, plugin ABI $VMTP_ABI
  compiler   $CC $CFLAGS
  sanitizer  ${vmtp_sanitizer:-none}
Plugins$VMTP_TABLE
"])
])
