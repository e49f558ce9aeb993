//go:build linux

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const softwareFile = `
name: software
services:
  web:
    image: ${NGINX}
    ports: ["127.0.0.1::80"]
    depends_on: {cache: {condition: service_healthy}, db: {condition: service_healthy}}
    healthcheck: {test: [CMD, bash, -c, "</dev/tcp/127.0.0.1/80"], interval: 100ms, retries: 100}
    configs: [{source: site, target: /etc/nginx/conf.d/site.conf}]
  cache:
    image: ${REDIS}
    volumes: ["cache:/var/lib/redis"]
    healthcheck: {test: [CMD, redis-cli, ping], interval: 100ms, retries: 100}
  db:
    image: ${POSTGRES}
    healthcheck: {test: [CMD, /postgresql/bin/pg_isready, -q, -h, 127.0.0.1], interval: 100ms, retries: 100}
    networks: {default: {aliases: [database]}}
  count:
    image: ${REDIS}
    command: redis-cli -h cache incr visits
    depends_on: {cache: {condition: service_healthy}}
  sum:
    image: ${POSTGRES}
    entrypoint: [/postgresql/bin/psql, -h, database, -U, postgres, -At, -c]
    command: ["select 'sum ' || sum(n) from generate_series(1, 1000) as n"]
    depends_on: {db: {condition: service_healthy}}
  client:
    image: busybox
    command: sh -c 'wget -q -O - http://web/index.nginx-debian.html | grep "Welcome to nginx" && wget -q -O - http://web:81/'
    depends_on:
      web: {condition: service_healthy}
      count: {condition: service_completed_successfully}
      sum: {condition: service_completed_successfully}
volumes: {cache: {}}
configs:
  site: {content: "server { listen 81; location / { return 200 'from the config\\n'; } }\n"}
`

// TestStackOfRealSoftware runs nginx, redis and postgres, and clients that wait
// until these are healthy and reach them by the names of their services.
func TestStackOfRealSoftware(t *testing.T) {
	h := stackHome(t)
	h.Env = append(h.Env, "NGINX="+debian(t, "nginx"), "REDIS="+debian(t, "redis"), "POSTGRES="+debian(t, "postgres"))
	file := filepath.Join(h.Dir, "compose.yaml")
	if err := os.WriteFile(file, []byte(softwareFile), 0o600); err != nil {
		t.Fatal(err)
	}
	files := []string{file}
	t.Cleanup(func() {
		if r := compose(h, files, "down", "-v"); r.Code != 0 {
			t.Error(r)
		}
	})
	for round, visits := range []string{"1", "2"} {
		r := compose(h, files, "up", "--no-color", "--exit-code-from", "client")
		if r.Code != 0 {
			t.Fatal(r)
		}
		for _, line := range []string{"count-1   | " + visits, "sum-1     | sum 500500", "client-1  | <title>Welcome to nginx!</title>", "client-1  | from the config"} {
			if !strings.Contains(r.Stdout, line) {
				t.Errorf("round %d: no line %q in %s", round, line, r)
			}
		}
		if running := compose(h, files, "ps", "-q").Stdout; running != "" {
			t.Errorf("round %d: %q run on after the client's end", round, running)
		}
	}
}
