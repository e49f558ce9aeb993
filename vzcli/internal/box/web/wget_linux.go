package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"vz.internal/vzcli/internal/box/applet"
)

const (
	maxRedirects = 10
	dialTimeout  = 30 * time.Second
)

// wget fetches a URL: -q silently, -O FILE or - for standard output, -T SECONDS
// of patience, -S shows the headers.
func wget(std *applet.IO, args []string) int {
	opts, urls, err := applet.Options("qO:T:S", args)
	if err != nil {
		return std.Fail(err)
	}
	if len(urls) != 1 {
		return std.Usage("[-q] [-O FILE|-] [-T SECONDS] URL")
	}
	f := fetch{std: std, patience: dialTimeout}
	if text, ok := opts['T']; ok {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 1 {
			return std.Fail(fmt.Errorf("%s: no seconds", text))
		}
		f.patience = time.Duration(seconds) * time.Second
	}
	_, quiet := opts['q']
	_, f.showHeader = opts['S']
	at := urls[0]
	if !strings.Contains(at, "://") {
		at = "http://" + at
	}
	for range maxRedirects {
		u, err := url.Parse(at)
		if err != nil {
			return std.Fail(err)
		}
		body, next, err := f.get(u)
		if err != nil {
			return std.Fail(fmt.Errorf("%s: %w", u.Redacted(), err))
		}
		if next == "" {
			err := save(std, opts, u, body, quiet)
			_ = body.Close() // all is read
			if err != nil {
				return std.Fail(err)
			}
			return 0
		}
		_ = body.Close() // of a redirect
		to, err := u.Parse(next)
		if err != nil {
			return std.Fail(err)
		}
		at = to.String()
	}
	return std.Fail(errors.New("too many redirects"))
}

func save(std *applet.IO, opts map[byte]string, u *url.URL, body io.Reader, quiet bool) error {
	name, given := opts['O']
	if !given {
		if name = path.Base(u.Path); name == "/" || name == "." {
			name = "index.html"
		}
	}
	if name == "-" {
		_, err := io.Copy(std.Out, body)
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, body)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil && !quiet {
		fmt.Fprintf(std.Err, "%s: %d bytes\n", name, n)
	}
	return err
}

type fetch struct {
	std        *applet.IO
	patience   time.Duration
	showHeader bool
}

// get returns the body, or where to look instead.
func (f *fetch) get(u *url.URL) (body io.ReadCloser, next string, err error) {
	if u.Scheme != "http" {
		return nil, "", fmt.Errorf("%s is not supported, only http", u.Scheme)
	}
	port := u.Port()
	if port == "" {
		port = "80"
	}
	if err := parsePort(port); err != nil {
		return nil, "", err
	}
	c, err := net.DialTimeout("tcp", net.JoinHostPort(u.Hostname(), port), f.patience)
	if err != nil {
		return nil, "", err
	}
	_ = c.SetDeadline(time.Now().Add(f.patience))
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: vz-box\r\nAccept: */*\r\nConnection: close\r\n\r\n", u.RequestURI(), u.Host); err != nil {
		_ = c.Close() // the write's error says more
		return nil, "", err
	}
	body, next, err = f.response(c)
	if err != nil {
		_ = c.Close() // the answer's error says more
	}
	return body, next, err
}

func (f *fetch) response(c net.Conn) (io.ReadCloser, string, error) {
	in := textproto.NewReader(bufio.NewReader(c))
	line, err := in.ReadLine()
	if err != nil {
		return nil, "", fmt.Errorf("no answer: %w", err)
	}
	proto, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if err != nil || !strings.HasPrefix(proto, "HTTP/") {
		return nil, "", fmt.Errorf("%.60q is no HTTP answer", line)
	}
	header, err := in.ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	if f.showHeader {
		fmt.Fprintln(f.std.Err, line)
		for k, v := range header {
			fmt.Fprintf(f.std.Err, "%s: %s\n", k, strings.Join(v, ", "))
		}
	}
	r := io.Reader(in.R)
	switch {
	case header.Get("Location") != "" && status/100 == 3:
		return c, header.Get("Location"), nil
	case status != 200:
		return nil, "", fmt.Errorf("the server answers %d %s", status, reason)
	case strings.EqualFold(header.Get("Transfer-Encoding"), "chunked"):
		r = &chunked{in: in}
	case header.Get("Content-Length") != "":
		n, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
		if err != nil || n < 0 {
			return nil, "", errors.New("the answer has no valid length")
		}
		r = &exactly{r: r, left: n}
	}
	_ = c.SetDeadline(time.Time{})
	return struct {
		io.Reader
		io.Closer
	}{r, c}, "", nil
}

// exactly reads n bytes; fewer are an error.
type exactly struct {
	r    io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(p[:min(int64(len(p)), e.left)])
	e.left -= int64(n)
	if err == io.EOF && e.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// chunked reads a body that comes in chunks.
type chunked struct {
	in   *textproto.Reader
	left int64
	end  bool
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.end {
		return 0, io.EOF
	}
	if c.left == 0 {
		line, err := c.in.ReadLine()
		if err != nil {
			return 0, err
		}
		size, _, _ := strings.Cut(line, ";")
		if c.left, err = strconv.ParseInt(strings.TrimSpace(size), 16, 64); err != nil || c.left < 0 {
			return 0, errors.New("the answer has a damaged chunk")
		}
		if c.left == 0 {
			c.end = true
			return 0, io.EOF
		}
	}
	n, err := c.in.R.Read(p[:min(int64(len(p)), c.left)])
	if c.left -= int64(n); c.left == 0 && err == nil {
		_, err = c.in.ReadLine()
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
