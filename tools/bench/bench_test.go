package main

import (
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSummarize(t *testing.T) {
	for _, tt := range []struct {
		took           []time.Duration
		median, lo, hi float64
	}{
		{[]time.Duration{3e6, 1e6, 2e6}, 2, 1, 3},
		{[]time.Duration{4e6, 1e6, 2e6, 3e6}, 2.5, 1, 4},
		{[]time.Duration{1500 * time.Microsecond}, 1.5, 1.5, 1.5},
	} {
		r := result{took: tt.took}
		r.summarize("case", "tool")
		if r.Median != tt.median || r.Min != tt.lo || r.Max != tt.hi || r.Runs != len(tt.took) {
			t.Errorf("summary of %v = %+v", tt.took, r)
		}
	}
}

func TestEditSpec(t *testing.T) {
	data, err := editSpec([]byte(`{"process":{"terminal":true,"args":["sh"],"cwd":"/","rlimits":[{}]},"root":{"path":"rootfs","readonly":true},
		"mounts":[{"type":"proc"},{"type":"bind"}],"hooks":{},
		"linux":{"cgroupsPath":"/x","seccomp":{},"namespaces":[{"type":"network","path":"/n"}]}}`), "/r", []string{"/bin/true"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"linux":{"namespaces":[{"type":"network"}],"seccomp":{}},"mounts":[{"type":"proc"}],` +
		`"process":{"args":["/bin/true"],"cwd":"/","terminal":false},"root":{"path":"/r","readonly":true}}`
	if string(data) != want {
		t.Errorf("edited specification = %s, want %s", data, want)
	}
	if _, err := editSpec([]byte(`{}`), "/r", nil); err == nil {
		t.Error("a specification without a process was edited")
	}
}

// TestAsk asks a server that knows one name.
func TestAsk(t *testing.T) {
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			answer := append([]byte(nil), buf[:n]...)
			answer[3] = 3 // no such name
			if string(buf[12:n-5]) == "\x01a\x02bc" {
				answer[3], answer[7] = 0, 1
			}
			_, _ = server.WriteTo(answer, from)
		}
	}()
	c, err := net.Dial("udp", server.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := ask(c, "a.bc"); err != nil {
		t.Error(err)
	}
	if err := ask(c, "other"); err == nil {
		t.Error("an answer without an address is taken for one")
	}
}

// TestServe pushes bytes to the bench's own server and takes a trip.
func TestServe(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
	for _, measure := range []func(string) (time.Duration, error){host(0).push, host(0).trip} {
		if took, err := measure(l.Addr().String()); err != nil || took <= 0 {
			t.Errorf("took %v, %v", took, err)
		}
	}
}

// TestCasesFitTools builds every command, so that none is empty by mistake.
func TestCasesFitTools(t *testing.T) {
	b := &bench{dir: "/d", root: "/d/root"}
	for _, c := range cases {
		able := 0
		for _, tool := range allTools(b, "/bin/vz") {
			args := c.command(tool, "x")
			if args != nil {
				able++
			}
			if tool.name() == "vz" && (len(args) < 4 || args[0] != "env") {
				t.Errorf("case %s: vz runs %q", c.name, args)
			}
		}
		if able < 2 {
			t.Errorf("case %s compares %d tools", c.name, able)
		}
	}
}

// TestStackFiles checks what the projects ask of the tools.
func TestStackFiles(t *testing.T) {
	for _, c := range stackCases {
		for _, health := range []bool{true, false} {
			text := c.file(health)
			if got := strings.Count(text, "image: "+imageName); got != c.services {
				t.Errorf("%s has %d services", c.name(), got)
			}
			want := 0
			if health {
				want = chained
			}
			if got := strings.Count(text, "healthcheck:"); got != want {
				t.Errorf("%s, health %t: %d checks", c.name(), health, got)
			}
			if got := strings.Count(text, "depends_on:"); got != chained-1 {
				t.Errorf("%s: %d services wait for another", c.name(), got)
			}
		}
	}
	for _, s := range allStackers(&bench{dir: "/d"}, "/bin/vz") {
		s.argv = []string{"tool"}
		if got := s.command("/f", "up", "-d"); !slices.Equal(got, []string{"env", "tool", "-f", "/f", "up", "-d"}) {
			t.Errorf("%s runs %q", s.label, got)
		}
	}
}
