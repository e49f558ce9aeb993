package compose

import (
	"fmt"
	"strings"
)

// Document is docs/compose.md: the table of keys for people.
func Document() string {
	var b strings.Builder
	b.WriteString(documentHead)
	for _, part := range []struct {
		title string
		keys  [][]Key
	}{
		{"Top level", [][]Key{topKeys}},
		{"Services: what runs", [][]Key{processKeys}},
		{"Services: when it runs, how it stops, is probed and logs", [][]Key{lifeKeys}},
		{"Services: networks and names", [][]Key{connectKeys}},
		{"Services: files", [][]Key{mountKeys, fileKeys}},
		{"Services: limits", [][]Key{limitKeys}},
		{"Services: security", [][]Key{securityKeys}},
		{"Services: deploy", [][]Key{deployKeys}},
		{"Services: what vz is not", [][]Key{foreignKeys}},
		{"Networks", [][]Key{networkKeys}},
		{"Volumes", [][]Key{volumeKeys}},
		{"Secrets and configs", [][]Key{objectKeys}},
	} {
		fmt.Fprintf(&b, "\n### %s\n\n| key | | note |\n|---|---|---|\n", part.title)
		for _, keys := range part.keys {
			for _, k := range keys {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", strings.TrimPrefix(k.Path, "services.*."), k.Status, strings.ReplaceAll(k.Note, "|", `\|`))
			}
		}
	}
	return b.String()
}

const documentHead = `# Compose

` + "`vz stack`" + ` (also ` + "`vz compose`" + `) runs Compose files as they are.

    vz stack up -d              # make and start what compose.yaml says
    vz stack ps                 # what there is
    vz stack logs -f            # output of all services
    vz stack exec web sh        # a shell in a service's container
    vz stack run --rm web true  # one command in a container of its own
    vz stack config --check     # every key of the files and what becomes of it
    vz stack dashboard          # services, events and logs on a page
    vz stack down -v            # remove containers, networks and volumes

Verbs and flags are those of docker compose; ` + "`vz stack --help`" + ` lists them. Files are parsed by compose-go, so
interpolation, ` + "`.env`, `include`, `extends`, profiles, anchors, merging of several `-f`" + ` and ` + "`$COMPOSE_FILE`" + ` work as there.

## How up works

The files are compared with what there is, which gives a graph of steps; each step runs as soon as those before it have
ended, so services that do not need each other start at the same time. What a service waits for (` + "`service_healthy`" + `,
` + "`service_completed_successfully`" + `) is waited for by events of the backend, not by polling. A container whose
configuration or image changed is made anew: the new one is created first, so a mistake leaves the old one running; its
anonymous volumes are taken over. Services that share its namespaces follow, and so do those with ` + "`restart: true`" + `. A
second ` + "`up`" + ` with nothing changed does nothing and says so.

Nothing is kept that could be out of date: what belongs to a project is found by the labels of its containers, networks
and volumes (docker compose's). So ` + "`up`" + ` after ctrl-C, a failure or ` + "`kill -9`" + ` at any point goes on from what there is.
When a step fails, what was made stays, as with docker compose; nothing is made before all images are here. One command at a
time changes a project; another one waits. After a reboot ` + "`vz stack resume`" + ` starts again what should run, in all projects, in
order and with the conditions of ` + "`depends_on`" + `; it needs no files.

## Secrets and configs

` + "`file:`, `environment:` and `content:`" + ` work as in the Specification. ` + "`external: true`" + ` takes a secret of vz's own store:

    vz secret create db-password password.txt    # or from stdin
    vz secret ls
    vz secret rm db-password

Secrets are files with mode 0600 in a directory with mode 0700 and are never printed. With ` + "`uid`, `gid` or `mode`" + ` a copy
with that owner and mode is mounted, also of a file; without, the file itself is, so that changes of it are seen.

## x-vz

` + "`x-vz: {isolation: vm}`" + ` runs the containers of a service in virtual machines, one each, and ` + "`native`" + ` on the host's kernel, whatever
the other services do: they have the same networks, names and volumes. Without it ` + "`--backend`" + ` and ` + "`VZ_BACKEND`" + ` choose. Where a
host has one kind alone, the other is refused.
` + "`x-vz: {vm: shared}`" + ` at the top level, with ` + "`--backend vm`" + `, has all services in one virtual machine, on networks inside it; without it
each container has its own. ` + "`vm_memory` and `vm_cpus`" + ` set its size, which else follows from the services' limits.
` + "`x-vz: {restart_unhealthy: true}`" + ` ends a container that becomes unhealthy, as a stop would, and starts it again, with growing
pauses and whatever ` + "`restart:`" + ` says; the check may be the image's. ` + "`vz run --health-on-failure restart`" + ` does the same.

## Limits

- ` + "`build:`" + ` is accepted where the image is in the store already; nothing is built.
- Names of ` + "`links:`" + ` are seen by all containers on the networks of the service that is linked to, not by one alone;
  a name that would so have two meanings is refused.
- ` + "`uid` and `gid`" + ` of secrets and configs are numbers.

## Every key

Each key of the Compose schema is *honoured*, *refused* (the file is not run; the message has the file, the line and the
reason) or *noted* (it changes nothing on one host, as with docker compose; ` + "`up`" + ` says so and goes on). Keys below a refused
or noted one are as that one. The table is the one that the program uses (` + "`vzstack/compose/key*.go`" + `); a test compares it
with the schema of compose-go, and another runs an example of each key.
`
