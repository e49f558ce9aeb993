//go:build linux

package e2e

const who = "id; echo $HOME; pwd; touch /tmp/f; ls -ln /tmp/f | cut -c1-30"

// userQuestions are about users, groups, environment and working directory.
var userQuestions = []question{
	{name: "root", args: sh(who)},
	{name: "user of the image", image: "settings", flags: []string{"--entrypoint", "sh"}, args: []string{"-c", who + "; ls -ldn . | cut -c1-30"}, differs: []difference{
		{"docker", `^drwx.* (0        0|1000     2000)`, "a working directory that vz makes belongs to the user who works in it, as with podman"},
	}},
	{name: "numeric user of the image", image: "numeric-user", args: sh(who), only: "docker", why: "podman adds the user to /etc/passwd"},
	{name: "only a uid", image: "only-uid", args: sh(who)},
	{name: "uid", flags: []string{"--user", "1000"}, args: sh(who)},
	{name: "uid without an entry", flags: []string{"--user", "77"}, args: sh(who), only: "docker", why: "podman adds the user to /etc/passwd"},
	{name: "uid and gid", flags: []string{"--user", "1000:2000"}, args: sh(who)},
	{name: "name", flags: []string{"--user", "app"}, args: sh(who)},
	{name: "name and group", flags: []string{"--user", "app:tools"}, args: sh(who)},
	{name: "groups", flags: []string{"--user", "app", "--group-add", "tools", "--group-add", "4000"}, args: sh(who)},
	{name: "unknown user", flags: []string{"--user", "nobody-knows"}, args: sh(who), only: "docker", why: "podman ends with 126"},
	{name: "unknown group", flags: []string{"--user", "app:nobody-knows"}, args: sh(who), only: "docker", why: "podman ends with 126"},
	{name: "working directory", flags: []string{"-w", "/home/app"}, args: sh("pwd")},
	{name: "new working directory", flags: []string{"-w", "/a/b c"}, args: sh("pwd; ls -ldn /a /a/b*|cut -c1-30"), only: "docker", why: "podman ends with 126"},
	{name: "working directory that is a file", flags: []string{"-w", "/etc/passwd"}, args: sh("pwd"), only: "docker", why: "podman ends with 126"},
	{
		name: "environment", flags: []string{"--hostname", "h", "-e", "A=b", "-e", "EMPTY=", "-e", "NOT_SET_ANYWHERE", "-e", "EQ=a=b c"},
		args: sh("env | sort"),
	},
	{
		name: "environment of the image changed", image: "settings", flags: []string{"--hostname", "h", "-e", "GREETING=bye", "-e", "HOME=/x", "--entrypoint", "sh"},
		args: []string{"-c", "env | sort"},
	},
	{name: "environment with a terminal", flags: []string{"-t", "--hostname", "h"}, args: sh("env | sort")},
	{name: "home without passwd", image: "numeric-user", args: sh("echo $HOME")},
}
