package channel

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"vz.internal/vzcontract"
)

func TestErrorsCross(t *testing.T) {
	failures := []error{
		vzcontract.ErrValidation, vzcontract.ErrNotFound, vzcontract.ErrConflict, vzcontract.ErrDenied, vzcontract.ErrTimeout,
		vzcontract.ErrUnavailable, vzcontract.ErrUnsupported, vzcontract.ErrInternal, io.ErrNoProgress,
	}
	c, _ := start(t, func(_ context.Context, n int) (int, error) {
		if n == len(failures) {
			return 0, fmt.Errorf("too slow: %w", context.DeadlineExceeded)
		}
		return n, fmt.Errorf("step %d: %w", n, failures[n])
	})
	for i, want := range failures {
		_, err := c.Call(t.Context(), i)
		if typed := new(Error); !errors.As(err, &typed) || typed.Code != vzcontract.CodeOf(want) || vzcontract.CodeOf(err) != typed.Code {
			t.Errorf("Call(%d) = %#v, want the code of %v", i, err, want)
		}
		if i < len(failures)-1 {
			wantErr(t, err, want)
		}
		if text := fmt.Sprintf("step %d: %v", i, want); err.Error() != text {
			t.Errorf("Call(%d) = %v, want %s", i, err, text)
		}
	}
	_, err := c.Call(t.Context(), len(failures))
	wantErr(t, err, vzcontract.ErrTimeout)
}

// nasty fails in ways that encoding and errors can.
type nasty struct{ Mode string }

func (n *nasty) UnmarshalJSON(b []byte) error {
	if n.Mode = strings.Trim(string(b), `"`); n.Mode == "decode" {
		panic("no decoding")
	}
	return nil
}

func (n nasty) MarshalJSON() ([]byte, error) {
	switch n.Mode {
	case "encode":
		panic("no encoding")
	case "invalid":
		return []byte("{"), nil
	case "long":
		return []byte(`"` + strings.Repeat("x", MaxFrame) + `"`), nil
	}
	return []byte(`"` + n.Mode + `"`), nil
}

func (*nasty) Error() string { panic("no text") }

// TestHandlersFail has handlers fail in all ways: it is their callers' error alone.
func TestHandlersFail(t *testing.T) {
	checkGoroutines(t)
	var log bytes.Buffer
	c, ended := start(t, func(_ context.Context, mode nasty) (nasty, error) {
		switch mode.Mode {
		case "panic":
			panic("boom")
		case "nil":
			panic(nil)
		case "exit":
			runtime.Goexit()
		case "error":
			return mode, (*nasty)(nil)
		case "text":
			return mode, errors.New(strings.Repeat("é", MaxFrame))
		}
		return mode, nil
	}, WithWindow(1), WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	calls := &Client[string, string]{link: c.link} // the types are the server's problem
	tests := []struct{ mode, message string }{
		{"panic", "the handler panicked: boom"},
		{"nil", "the handler panicked: panic called with nil argument"},
		{"exit", "the handler has ended its goroutine"},
		{"error", "the handler panicked: no text"},
		{"decode", "the handler panicked: no decoding"},
		{"encode", "the handler panicked: no encoding"},
		{"invalid", "encode answer: json: error calling MarshalJSON"},
		{"long", "answer takes a frame of 16777251 bytes, at most 16777216 are allowed"},
		{"text", "ééé"},
	}
	for _, tt := range tests {
		_, err := calls.Call(t.Context(), tt.mode)
		if !errors.Is(err, vzcontract.ErrInternal) || !strings.HasPrefix(err.Error(), tt.message) || len(err.Error()) > maxMessage+len("…") {
			t.Errorf("%s: error = %.200v, want %s", tt.mode, err, tt.message)
		}
		if got, err := calls.Call(t.Context(), "fine"); got != "fine" || err != nil {
			t.Fatalf("after %s: Call = %q, %v", tt.mode, got, err)
		}
	}
	_ = c.Close()
	wantErr(t, <-ended)
	if !strings.Contains(log.String(), "panic=boom") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("log has no stack: %s", log.String())
	}
}

func TestWrongRequests(t *testing.T) {
	c, _ := start(t, func(_ context.Context, s string) (string, error) { return s, nil })
	_, err := (&Client[int, string]{link: c.link}).Call(t.Context(), 1)
	wantErr(t, err, vzcontract.ErrValidation)
	_, err = (&Client[func(), string]{link: c.link}).Call(t.Context(), nil)
	wantErr(t, err, vzcontract.ErrValidation)
	_, err = c.Call(t.Context(), strings.Repeat("x", MaxFrame))
	wantErr(t, err, vzcontract.ErrValidation)
	if want := "call: request takes a frame of 16777251 bytes, at most 16777216 are allowed"; err.Error() != want {
		t.Errorf("Call = %v, want %s", err, want)
	}
	if got, err := c.Call(t.Context(), "fine"); got != "fine" || err != nil {
		t.Errorf("Call = %q, %v", got, err)
	}
}

// TestHandlersAreBounded calls a server that allows three at once from 20 callers and
// lets one handler after the other end.
func TestHandlersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var running atomic.Int64
		release, ended := make(chan struct{}), make(chan error, 1)
		go func() {
			ended <- Serve(context.Background(), far, func(context.Context, int) (int, error) {
				running.Add(1)
				defer running.Add(-1)
				<-release
				return 0, nil
			}, WithWindow(3))
		}()
		c := New[int, int](near)
		for range 20 {
			go func() {
				_, err := c.Call(t.Context(), 0)
				wantErr(t, err)
			}()
		}
		for left := 20; left > 0; left-- {
			synctest.Wait()
			if n := running.Load(); n != int64(min(3, left)) {
				t.Errorf("%d handlers run while %d calls are open", n, left)
			}
			release <- struct{}{}
		}
		synctest.Wait()
		_ = c.Close()
		wantErr(t, <-ended)
	})
}

// TestHostileClient sends what no client should: the connection ends, the handlers are
// cancelled.
func TestHostileClient(t *testing.T) {
	request := func(id int) string { return raw(fmt.Sprintf(`{"kind":"request","id":%d,"body":1}`, id)) }
	tests := []struct {
		name, in string
		want     error
	}{
		{"nothing", "", nil},
		{"leaves its requests", request(1) + request(2), nil},
		{"cancels what is not there", strings.Repeat(raw(`{"kind":"cancel","id":7}`), 10000), nil},
		{"no JSON", request(1) + raw("x"), ErrProtocol},
		{"trailing bytes", request(1) + raw(`{"kind":"cancel","id":1}x`), ErrProtocol},
		{"an answer", raw(`{"kind":"answer","id":1,"body":1}`), ErrProtocol},
		{"a hello", raw(`{"kind":"hello","window":1}`), ErrProtocol},
		{"an unknown kind", raw(`{"kind":"later","id":1}`), ErrProtocol},
		{"an id in use", request(1) + request(1), ErrProtocol},
		{"beyond the window", request(1) + request(2) + request(3), ErrProtocol},
		{"too long", request(1) + "\xff\xff\xff\xff", ErrProtocol},
		{"half a frame", request(1) + "\x10\x00\x00\x00{", io.ErrUnexpectedEOF},
		{"half a length", request(1) + "\x10", io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkGoroutines(t)
			near, far := pair(t)
			var running atomic.Int64
			ended := make(chan error, 1)
			go func() {
				ended <- Serve(t.Context(), far, func(ctx context.Context, n int) (int, error) {
					running.Add(1)
					defer running.Add(-1)
					<-ctx.Done()
					return n, ctx.Err()
				}, WithWindow(2))
			}()
			write(t, near, tt.in)
			_ = near.CloseWrite()
			err := <-ended
			if !errors.Is(err, tt.want) {
				t.Errorf("Serve = %v, want %v", err, tt.want)
			}
			if errors.Is(tt.want, io.ErrUnexpectedEOF) {
				wantErr(t, err, vzcontract.ErrUnavailable)
			}
			if n := running.Load(); n != 0 {
				t.Errorf("%d handlers run after the end", n)
			}
			_, err = io.Copy(io.Discard, near)
			wantErr(t, err) // the connection is closed
		})
	}
}

// TestClientNeverReads shows that a client that does not take its answers gets no
// further than its window, and that its cancellations and its end are seen.
func TestClientNeverReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var begun, cancelled atomic.Int64
		ended := make(chan error, 1)
		go func() {
			ended <- Serve(context.Background(), far, func(ctx context.Context, wait bool) (bool, error) {
				begun.Add(1)
				if wait {
					<-ctx.Done()
					cancelled.Add(1)
				}
				return wait, nil
			}, WithWindow(4))
		}()
		for i := range 4 {
			write(t, near, raw(fmt.Sprintf(`{"kind":"request","id":%d,"body":%t}`, i+1, i >= 2)))
		}
		write(t, near, raw(`{"kind":"cancel","id":3}`))
		synctest.Wait()
		if b, c := begun.Load(), cancelled.Load(); b != 4 || c != 1 {
			t.Errorf("%d handlers have begun and %d were cancelled, want 4 and 1", b, c)
		}
		for id := 5; id < 100; id++ { // as if answers had come
			if _, err := io.WriteString(near, raw(fmt.Sprintf(`{"kind":"request","id":%d,"body":false}`, id))); err != nil {
				break
			}
			synctest.Wait()
		}
		wantErr(t, <-ended, ErrProtocol)
		// Those whose answers are in the write that does not end, and one window more.
		if b, c := begun.Load(), cancelled.Load(); b > 8 || c != 2 {
			t.Errorf("%d handlers have begun and %d were cancelled, want at most 8 and 2", b, c)
		}
	})
}

// TestAFullServerSeesTheEnd has every slot in use when the client goes.
func TestAFullServerSeesTheEnd(t *testing.T) {
	checkGoroutines(t)
	begun := make(chan struct{})
	c, ended := start(t, func(ctx context.Context, _ int) (int, error) {
		close(begun)
		<-ctx.Done()
		return 0, ctx.Err()
	}, WithWindow(1))
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			_, err := c.Call(t.Context(), 0)
			wantErr(t, err, vzcontract.ErrUnavailable)
		})
	}
	<-begun
	_ = c.Close()
	wantErr(t, <-ended)
	wait.Wait()
}

func TestServeEndsWithContext(t *testing.T) {
	checkGoroutines(t)
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	near, far := pair(t)
	c := New[int, int](near)
	defer c.Close()
	ended := make(chan error, 1)
	go func() {
		ended <- Serve(ctx, far, func(ctx context.Context, _ int) (int, error) {
			cancel(cause)
			<-ctx.Done()
			return 0, nil
		})
	}()
	_, err := c.Call(t.Context(), 0)
	wantErr(t, err, vzcontract.ErrUnavailable)
	wantErr(t, <-ended, cause)
}

// TestIdleWorkers shows that few goroutines stay after many were needed.
func TestIdleWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		release := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- Serve(context.Background(), far, func(context.Context, int) (int, error) {
				<-release
				return 0, nil
			})
		}()
		c := New[int, int](near)
		for range defaultWindow {
			go func() {
				_, err := c.Call(t.Context(), 0)
				wantErr(t, err)
			}()
		}
		synctest.Wait()
		if n := workers(); n != defaultWindow {
			t.Errorf("%d workers, want %d", n, defaultWindow)
		}
		close(release)
		synctest.Wait()
		if n := workers(); n != maxIdle {
			t.Errorf("%d workers wait, want %d", n, maxIdle)
		}
		_ = c.Close()
		wantErr(t, <-ended)
	})
}

func workers() (n int) {
	for _, stack := range ours() {
		if strings.Contains(stack, "channel.(*server).work(") {
			n++
		}
	}
	return n
}
