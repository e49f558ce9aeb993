package builtin

import "strings"

// programs are those of vz-box; a test of vzcli compares.
const programs = "[ basename cat chmod chown cp cut date df dirname du echo env false find grep gunzip gzip head hostname httpd " +
	"id ip kill ln ls mkdir mktemp mount mv nc nproc printenv printf ps pwd readlink rm rmdir seq sh sha256sum " +
	"sleep sort stat stty sync tail tar tee test timeout touch tr true tty umount uname uniq wc wget which whoami " +
	"xargs yes zcat"

// Programs returns the names of the programs in /bin, sorted.
func Programs() []string { return strings.Fields(programs) }
