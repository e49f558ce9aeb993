package channel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"vz.internal/vzcontract"
)

func TestCallsInAnyOrder(t *testing.T) {
	checkGoroutines(t)
	const calls = 50
	var all sync.WaitGroup
	all.Add(calls)
	c, ended := start(t, func(_ context.Context, n int) (string, error) {
		all.Done()
		all.Wait() // no call ends before all have begun
		return fmt.Sprint("n", n), nil
	})
	var wait sync.WaitGroup
	for i := range calls {
		wait.Go(func() {
			if got, err := c.Call(t.Context(), i); err != nil || got != fmt.Sprint("n", i) {
				t.Errorf("Call(%d) = %q, %v", i, got, err)
			}
		})
	}
	wait.Wait()
	if err := c.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	wantErr(t, c.Close())
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v at the end of the connection", err)
	}
}

// TestCallsAtRandom has 50 callers send and cancel requests of all sizes through a
// small window: each answer is that of its request, and the window is whole afterwards.
func TestCallsAtRandom(t *testing.T) {
	checkGoroutines(t)
	c, ended := start(t, func(_ context.Context, s string) (string, error) { return strings.ToUpper(s), nil }, WithWindow(5))
	var wait sync.WaitGroup
	for i := range 50 {
		wait.Go(func() {
			for n := range 20 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					go cancel()
				}
				size := rand.IntN(1000)
				if i%10 == 0 && n%10 == 0 {
					size <<= 11 // may take two slots
				}
				in := strings.Repeat("x", size) + fmt.Sprintf("y%d.%d", i, n)
				if got, err := c.Call(ctx, in); err == nil && got != strings.ToUpper(in) || err != nil && !errors.Is(err, context.Canceled) {
					t.Errorf("call %d.%d = %d bytes, %v", i, n, len(got), err)
				}
				cancel()
			}
		})
	}
	wait.Wait()
	if !c.link.window.take(t.Context(), nil, 5) { // waits for the answers that nobody wants
		t.Error("slots of the window are lost")
	}
	_ = c.Close()
	if err := <-ended; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestCallIsCancelled(t *testing.T) {
	checkGoroutines(t)
	begun, cancelled := make(chan struct{}), make(chan struct{})
	c, _ := start(t, func(ctx context.Context, wait bool) (bool, error) {
		if wait {
			close(begun)
			<-ctx.Done()
			close(cancelled)
		}
		return wait, ctx.Err()
	}, WithWindow(1))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := c.Call(ctx, true); err != context.Canceled { //nolint:errorlint // the value itself
		t.Fatalf("Call = %v", err)
	}
	<-cancelled
	if _, err := c.Call(t.Context(), false); err != nil { // the slot is free again, the late answer gone
		t.Fatal(err)
	}
	if _, err := c.Call(ctx, false); err != context.Canceled { //nolint:errorlint // the value itself
		t.Fatalf("Call = %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := c.Call(ctx, false); err != context.DeadlineExceeded { //nolint:errorlint // the value itself
		t.Fatalf("Call = %v", err)
	}
}

// TestServerDoesNotRead cancels calls in each state that a call can be in: before the
// hello, without a slot, in the outbox, half-written. They return at once, the frame
// under way is finished, and those that had not begun are never sent.
func TestServerDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe() // writes wait for reads
		c := New[string, string](near)
		defer c.Close()
		ctx, cancel := context.WithCancel(t.Context())
		results := make(chan error, 3)
		call := func(s string) {
			go func() {
				_, err := c.Call(ctx, s)
				results <- err
			}()
			synctest.Wait()
		}
		abort := func(n int) {
			t.Helper()
			cancel()
			synctest.Wait()
			if len(results) != n {
				t.Fatalf("%d of %d calls have returned", len(results), n)
			}
			for range n {
				wantErr(t, <-results, context.Canceled)
			}
			ctx, cancel = context.WithCancel(t.Context())
		}
		call("no hello")
		abort(1)
		write(t, far, string(helloFrame(2)))
		call("half-written")
		half := make([]byte, 10)
		if _, err := io.ReadFull(far, half); err != nil {
			t.Fatal(err)
		}
		call("outbox")
		call("no slot")
		abort(3)
		call("after") // takes the slot of "outbox"
		r := newFrameReader(io.MultiReader(strings.NewReader(string(half)), far))
		var got []string
		for range 3 {
			m := readMessage(t, r)
			got = append(got, m.Kind+string(m.Body))
		}
		if want := `request"half-written" cancel request"after"`; strings.Join(got, " ") != want {
			t.Errorf("sent %s, want %s", got, want)
		}
		cancel()
		synctest.Wait()
	})
}

// TestServerNeverAnswers shows that cancelled calls do not pile up.
func TestServerNeverAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := New[int, int](near)
		go func() {
			_, _ = far.Write(helloFrame(1 << 40))
			_, _ = io.Copy(io.Discard, far)
		}()
		for i := range 3 * maxWindow {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := c.Call(ctx, i)
				wantErr(t, err, context.Canceled)
			}()
			synctest.Wait()
			cancel()
			<-done
		}
		if n := len(c.link.calls); n != maxWindow {
			t.Errorf("%d calls are held, want %d", n, maxWindow)
		}
		_ = c.Close()
		if n := len(c.link.window.turns) + len(c.link.out.queue); n != 0 {
			t.Errorf("%d turns and frames are left", n)
		}
	})
}

func TestConnectionEndsUnderACall(t *testing.T) {
	checkGoroutines(t)
	begun := make(chan struct{})
	c, ended := start(t, func(ctx context.Context, _ int) (int, error) {
		close(begun)
		<-ctx.Done()
		return 0, nil
	})
	go func() {
		<-begun
		_ = c.Close()
	}()
	_, err := c.Call(t.Context(), 1)
	wantErr(t, err, vzcontract.ErrUnavailable)
	if err.Error() != "call: the connection is closed" {
		t.Errorf("Call = %v", err)
	}
	if err := <-ended; err != nil { // the handler was cancelled, or Serve would not return
		t.Errorf("Serve = %v", err)
	}
	<-c.Done()
	_, err = c.Call(t.Context(), 1)
	wantErr(t, err, vzcontract.ErrUnavailable)
}

// TestHostileServer answers the first request, which has the id 1, with what no server
// should.
func TestHostileServer(t *testing.T) {
	hello, answer := raw(`{"kind":"hello","window":9}`), raw(`{"kind":"answer","id":1,"body":"x"}`)
	tests := []struct {
		name, answer string
		want         error
	}{
		{"no JSON", "\x03\x00\x00\x00abc", ErrProtocol},
		{"a second hello", hello, ErrProtocol},
		{"a request", raw(`{"kind":"request","id":1,"body":1}`), ErrProtocol},
		{"a cancellation", raw(`{"kind":"cancel","id":1}`), ErrProtocol},
		{"an unknown kind", raw(`{"kind":"later","id":1,"body":1}`), ErrProtocol},
		{"for nobody", raw(`{"kind":"answer","id":2,"body":1}`), ErrProtocol},
		{"neither body nor error", raw(`{"kind":"answer","id":1}`), ErrProtocol},
		{"too long", "\xff\xff\xff\xff", ErrProtocol},
		{"half a frame", "\x10\x00\x00\x00{", io.ErrUnexpectedEOF},
		{"half a length", "\x10", io.ErrUnexpectedEOF},
		{"nothing", "", vzcontract.ErrUnavailable},
		{"the answer twice", answer + answer, nil},
		{"another type", raw(`{"kind":"answer","id":1,"body":{"a":1}}`), vzcontract.ErrInternal},
		{"an unknown code", raw(`{"kind":"answer","id":1,"error":{"code":"later","message":"m"}}`), vzcontract.ErrInternal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			checkGoroutines(t)
			near, far := pair(t)
			go func() {
				_, _ = io.WriteString(far, hello)
				_, _ = newFrameReader(far).next()
				_, _ = io.WriteString(far, tt.answer)
				_ = far.CloseWrite()
			}()
			c := New[int, string](near)
			got, err := c.Call(t.Context(), 5)
			if !errors.Is(err, tt.want) || (got == "x") != (tt.want == nil) {
				t.Errorf("Call = %q, %v, want %v", got, err, tt.want)
			}
			<-c.Done()
			_, err = c.Call(t.Context(), 6)
			wantErr(t, err, vzcontract.ErrUnavailable)
			if errors.Is(err, ErrProtocol) != (tt.want == nil || errors.Is(tt.want, ErrProtocol)) {
				t.Errorf("the next Call = %v", err)
			}
		})
	}
}

// TestAnswerBeforeTheRequest answers an id that is registered but whose request is
// still on its way out.
func TestAnswerBeforeTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		c := New[int, int](near)
		defer c.Close()
		write(t, far, string(helloFrame(9)))
		for range 2 { // the first is stuck in its write, the second in the outbox
			go func() {
				_, err := c.Call(t.Context(), 1)
				wantErr(t, err, vzcontract.ErrUnavailable, ErrProtocol)
			}()
			synctest.Wait()
		}
		write(t, far, raw(`{"kind":"answer","id":2,"body":1}`))
		<-c.Done()
	})
}
