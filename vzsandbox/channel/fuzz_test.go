package channel

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vz.internal/vzcontract"
)

// script is what both fuzz targets make frames of: one a line, since lengths are hard
// to guess. What begins with ! goes as it is.
func script(s string) string {
	var wire strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if bytes, ok := strings.CutPrefix(line, "!"); ok {
			wire.WriteString(bytes)
		} else {
			wire.WriteString(raw(line))
		}
	}
	return wire.String()
}

// FuzzServe sends a server anything: it ends, says why in a known way, answers nothing
// that was not asked, and leaves no handler behind.
func FuzzServe(f *testing.F) {
	f.Add(`{"kind":"request","id":1,"body":"a"}` + "\n" + `{"kind":"request","id":2,"body":"wait"}` + "\n" + `{"kind":"cancel","id":2}`)
	f.Add(`{"kind":"request","id":1,"body":"panic"}` + "\n" + `{"kind":"request","id":1,"body":"wait"}` + "\n" + `{"kind":"request","id":1,"body":7}`)
	f.Add(`{"id":3,"body":{},"kind":"request","error":{}}` + "\n" + `{"kind":"cancel","id":9}` + "\n!\xff\xff\xff\xff")
	f.Add(strings.Repeat(`{"kind":"cancel","id":9}`+"\n", 20) + "!\x05\x00")
	f.Fuzz(func(t *testing.T, in string) {
		near, far := net.Pipe()
		var running atomic.Int64
		ended := make(chan error, 1)
		go func() {
			ended <- Serve(context.Background(), far, func(ctx context.Context, s string) (string, error) {
				running.Add(1)
				defer running.Add(-1)
				switch s {
				case "wait":
					<-ctx.Done()
				case "panic":
					panic(s)
				}
				return s, nil
			}, WithWindow(4))
		}()
		var out bytes.Buffer
		var reader sync.WaitGroup
		reader.Go(func() { _, _ = io.Copy(&out, near) })
		_, _ = io.WriteString(near, script(in))
		_ = near.Close()
		err := <-ended
		reader.Wait()
		if err != nil && !errors.Is(err, ErrProtocol) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("Serve = %v", err)
		}
		if n := running.Load(); n != 0 {
			t.Errorf("%d handlers run after the end", n)
		}
		asked := map[uint64]int{}
		for r := newFrameReader(strings.NewReader(script(in))); ; {
			payload, err := r.next()
			if err != nil {
				break
			}
			m, err := parseMessage(payload)
			if err != nil {
				break
			}
			if m.Kind == kindRequest {
				asked[m.ID]++
			}
		}
		for r := newFrameReader(&out); ; {
			payload, err := r.next()
			if err != nil {
				break
			}
			m, err := parseMessage(payload)
			if asked[m.ID]--; err != nil || m.Kind != kindHello && (m.Kind != kindAnswer || asked[m.ID] < 0) {
				t.Errorf("the server said %s, %v", payload, err)
			}
		}
	})
}

// FuzzClient answers a client anything: each call returns, with an answer or an error
// of a known kind, and the client ends.
func FuzzClient(f *testing.F) {
	hello := `{"kind":"hello","window":2}` + "\n"
	f.Add(hello + `{"kind":"answer","id":1,"body":"a"}` + "\n" + `{"kind":"answer","id":2,"error":{"code":"timeout","message":"m"}}`)
	f.Add(hello + `{"kind":"answer","id":2,"body":7}` + "\n" + `{"kind":"answer","id":2,"body":7}`)
	f.Add(hello + hello)
	f.Add(`{"kind":"hello","window":9223372036854775807}` + "\n!\xff\xff\xff\xff")
	f.Add(hello + "!\x05\x00\x00\x00{")
	f.Fuzz(func(t *testing.T, in string) {
		near, far := net.Pipe()
		c := New[string, string](near)
		var peer sync.WaitGroup
		peer.Go(func() { _, _ = io.Copy(io.Discard, far) })
		var calls sync.WaitGroup
		for range 3 {
			calls.Go(func() {
				got, err := c.Call(context.Background(), "x")
				failed := new(Error)
				if err != nil && (got != "" || !errors.As(err, &failed) && !errors.Is(err, vzcontract.ErrUnavailable) && !errors.Is(err, vzcontract.ErrInternal)) {
					t.Errorf("Call = %q, %v", got, err)
				}
			})
		}
		_, _ = io.WriteString(far, script(in))
		_ = far.Close()
		calls.Wait()
		<-c.Done()
		if err := c.Close(); err != nil {
			t.Errorf("Close = %v after the end", err)
		}
		peer.Wait()
		if n := len(c.link.calls); n != 0 {
			t.Errorf("%d calls are held after the end", n)
		}
	})
}
