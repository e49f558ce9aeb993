package box

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// serve starts httpd on dir and returns its address, and what ends it.
func serve(t *testing.T, bin, dir string) (address string, stop func() error) {
	t.Helper()
	cmd := command(t, bin, "httpd", "-p", "127.0.0.1:0", "-h", dir)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	if !lines.Scan() {
		t.Fatal("httpd says nothing")
	}
	_, address, _ = strings.Cut(lines.Text(), " on ")
	go func() {
		for lines.Scan() { // the log must go somewhere
		}
	}()
	return address, func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		return cmd.Wait()
	}
}

func TestWeb(t *testing.T) {
	bin := install(t)
	base := t.TempDir()
	for name, text := range map[string]string{"secret": "no", "site/index.html": "start\n", "site/a b.txt": "file\n", "site/d/x": "x"} {
		path := filepath.Join(base, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../secret", filepath.Join(base, "site/out")); err != nil {
		t.Fatal(err)
	}
	address, stop := serve(t, bin, filepath.Join(base, "site"))
	for _, tt := range []struct{ path, out, err string }{
		{"/", "start\n", ""},
		{"/a%20b.txt?query", "file\n", ""},
		{"/d", "<!doctype html>\n<meta charset=utf-8>\n<a href=\"./x\">x</a><br>\n", ""}, // redirected
		{"/none", "", "404"},
		{"/../secret", "", "404"},
		{"/%2e%2e/secret", "", "404"},
		{"/out", "", "404"},
	} {
		got := run(t, command(t, bin, "wget", "-q", "-O", "-", "http://"+address+tt.path))
		if got.Out != tt.out || !strings.Contains(got.Err, tt.err) || (got.Status == 0) != (tt.err == "") {
			t.Errorf("wget %s = %+v, want %q, error %q", tt.path, got, tt.out, tt.err)
		}
	}
	for in, want := range map[string]string{
		"PUT / HTTP/1.1\r\n\r\n": "405", "nonsense\r\n\r\n": "400", "GET / HTTP/1.0\r\n\r\n": "200", "HEAD / HTTP/1.0\r\n\r\n": "Content-Length: 6",
	} {
		host, port, _ := strings.Cut(address, ":")
		cmd := command(t, bin, "nc", host, port)
		cmd.Stdin = strings.NewReader(strings.Replace(in, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1))
		if got := run(t, cmd); !strings.Contains(got.Out, want) {
			t.Errorf("%q is answered %+v, want %s", in, got, want)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("httpd after SIGTERM: %v", err)
	}
	if got := run(t, command(t, bin, "wget", "-q", "-O", "-", "http://"+address+"/")); got.Status == 0 || got.Err == "" {
		t.Errorf("wget of nobody = %+v", got)
	}
}
