package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/signal"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"vz.internal/vzcli/internal/box/applet"
)

const (
	maxLine     = 8 << 10
	maxHeaders  = 100
	idleTimeout = 30 * time.Second
)

// httpd serves the files of a directory: -p [ADDRESS:]PORT (80), -h DIRECTORY
// (the working directory), -f for the foreground, where it always is. Requests
// are logged on standard error. SIGTERM and SIGINT end it with status 0.
func httpd(std *applet.IO, args []string) int {
	opts, rest, err := applet.Options("p:h:fv", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(rest) > 0 {
		return std.Usage("[-p [ADDRESS:]PORT] [-h DIRECTORY]")
	}
	address := opts['p']
	if address == "" {
		address = "80"
	}
	if !strings.Contains(address, ":") {
		address = ":" + address
	}
	dir := opts['h']
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return std.Fail(err)
	}
	defer root.Close()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return std.Fail(err)
	}
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, unix.SIGTERM, unix.SIGINT)
	go func() {
		<-ends
		_ = l.Close() // ends Accept
	}()
	s := &server{root: root, log: std.Err}
	s.logf("serve %s on %s", dir, l.Addr())
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return 0
		}
		if err != nil {
			s.logf("accept: %v", err)
			<-time.After(10 * time.Millisecond) // out of descriptors or memory
			continue
		}
		go s.serve(c)
	}
}

type server struct {
	root *os.Root
	mu   sync.Mutex
	log  io.Writer // guarded by mu
}

func (s *server) logf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.log, "httpd: "+format+"\n", args...)
}

// serve answers the requests of one connection.
func (s *server) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReaderSize(c, maxLine)
	for {
		_ = c.SetDeadline(time.Now().Add(idleTimeout))
		line, err := readLine(in)
		if err != nil {
			return
		}
		method, target, version, ok := requestLine(line)
		keep := version == "HTTP/1.1"
		for n := 0; ; n++ {
			header, err := readLine(in)
			if err != nil || n > maxHeaders {
				return
			}
			if header == "" {
				break
			}
			name, value, _ := strings.Cut(header, ":")
			switch strings.ToLower(name) {
			case "connection":
				keep = keep && !strings.EqualFold(strings.TrimSpace(value), "close")
			case "content-length", "transfer-encoding":
				keep = false // what follows is not the next request
			}
		}
		status := s.answer(c, method, target, ok, keep)
		s.logf("%s %q %d", c.RemoteAddr(), line, status)
		if !keep || status == 400 {
			return
		}
	}
}

func readLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return "", err
	}
	return strings.TrimRight(string(line), "\r\n"), nil
}

func requestLine(line string) (method, target, version string, ok bool) {
	method, rest, ok := strings.Cut(line, " ")
	target, version, ok2 := strings.Cut(rest, " ")
	return method, target, version, ok && ok2 && strings.HasPrefix(version, "HTTP/1.") && strings.HasPrefix(target, "/")
}

func (s *server) answer(c net.Conn, method, target string, ok, keep bool) (status int) {
	w := &reply{c: c, head: method == "HEAD", keep: keep}
	if !ok {
		return w.text(400, "Bad Request")
	}
	if method != "GET" && method != "HEAD" {
		return w.text(405, "Method Not Allowed")
	}
	raw, _, _ := strings.Cut(target, "?")
	name, err := url.PathUnescape(raw)
	if err != nil || strings.ContainsRune(name, 0) {
		return w.text(400, "Bad Request")
	}
	local := strings.TrimPrefix(path.Clean("/"+name), "/")
	if local == "" {
		local = "."
	}
	f, err := s.root.Open(local)
	if err != nil {
		return w.failed(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return w.failed(err)
	}
	if st.IsDir() {
		if !strings.HasSuffix(name, "/") {
			return w.redirect(path.Clean("/"+raw) + "/")
		}
		index, err := s.root.Open(path.Join(local, "index.html"))
		if err != nil {
			return w.list(f)
		}
		defer index.Close()
		f, local = index, "index.html"
		if st, err = f.Stat(); err != nil {
			return w.failed(err)
		}
	}
	if !st.Mode().IsRegular() {
		return w.text(403, "Forbidden")
	}
	return w.file(f, st, local)
}

// reply writes an answer.
type reply struct {
	c    net.Conn
	head bool
	keep bool
}

func (w *reply) start(status int, reason, contentType string, length int64, extra string) error {
	connection := "close"
	if w.keep {
		connection = "keep-alive"
	}
	_, err := fmt.Fprintf(w.c, "HTTP/1.1 %d %s\r\nServer: vz-box\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: %s\r\n%s\r\n",
		status, reason, contentType, length, connection, extra)
	return err
}

func (w *reply) text(status int, reason string) int {
	return w.body(status, reason, reason+"\n", "text/plain; charset=utf-8", "")
}

func (w *reply) body(status int, reason, text, contentType, extra string) int {
	if err := w.start(status, reason, contentType, int64(len(text)), extra); err == nil && !w.head {
		_, _ = io.WriteString(w.c, text) // the next read tells
	}
	return status
}

func (w *reply) failed(err error) int {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return w.text(404, "Not Found")
	case errors.Is(err, fs.ErrPermission):
		return w.text(403, "Forbidden")
	}
	return w.text(404, "Not Found") // a way out of the directory, for one
}

func (w *reply) redirect(to string) int {
	return w.body(301, "Moved Permanently", "", "text/plain", "Location: "+to+"\r\n")
}

func (w *reply) list(dir *os.File) int {
	entries, err := dir.ReadDir(-1)
	if err != nil {
		return w.failed(err)
	}
	var b strings.Builder
	b.WriteString("<!doctype html>\n<meta charset=utf-8>\n")
	escape := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
	for _, e := range entries {
		name := e.Name()
		if e.IsDir() {
			name += "/"
		}
		fmt.Fprintf(&b, "<a href=\"./%s\">%s</a><br>\n", escape.Replace((&url.URL{Path: name}).EscapedPath()), escape.Replace(name))
	}
	return w.body(200, "OK", b.String(), "text/html; charset=utf-8", "")
}

var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8", ".htm": "text/html; charset=utf-8", ".txt": "text/plain; charset=utf-8", ".css": "text/css",
	".js": "text/javascript", ".json": "application/json", ".png": "image/png", ".jpg": "image/jpeg", ".svg": "image/svg+xml",
}

func (w *reply) file(f *os.File, st fs.FileInfo, name string) int {
	kind := contentTypes[strings.ToLower(path.Ext(name))]
	if kind == "" {
		kind = "application/octet-stream"
	}
	modified := "Last-Modified: " + st.ModTime().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "\r\n"
	if err := w.start(200, "OK", kind, st.Size(), modified); err != nil || w.head {
		return 200
	}
	_ = w.c.SetDeadline(time.Time{})
	if n, err := io.CopyN(w.c, f, st.Size()); err != nil || n != st.Size() {
		_ = w.c.Close() // the length cannot be taken back
	}
	return 200
}

// parsePort checks a port.
func parsePort(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%s: no port", s)
	}
	return nil
}
