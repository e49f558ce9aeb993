package vzsandbox_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzcontract/fake"
	"vz.internal/vzsandbox"
)

// A broken backend fails to make containers as long as err is set.
type broken struct {
	*fake.Backend

	mu    sync.Mutex
	err   error // guarded by mu
	tries int   // guarded by mu
}

func (b *broken) Create(ctx context.Context, cfg vzcontract.RunConfig) (vzcontract.ContainerInfo, error) {
	b.mu.Lock()
	b.tries++
	err := b.err
	b.mu.Unlock()
	if err != nil {
		return vzcontract.ContainerInfo{}, err
	}
	return b.Backend.Create(ctx, cfg)
}

func (b *broken) fail(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.err = err
}

func (b *broken) tried() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tries
}

var errDisk = vzcontract.Errorf(vzcontract.ErrUnavailable, "the disk is full")

func openPool(t *testing.T, h *vzsandbox.Host, tmpl vzsandbox.Template, opts vzsandbox.PoolOptions) *vzsandbox.Pool {
	t.Helper()
	opts.Name = "pool"
	p, err := h.NewPool(t.Context(), tmpl, opts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// closeAll ends what a bubble of synctest must not leave.
func closeAll(t *testing.T, p *vzsandbox.Pool, b vzcontract.RuntimeBackend) {
	t.Helper()
	if err := errors.Join(p.Close(t.Context()), b.Close()); err != nil {
		t.Error(err)
	}
}

// pass lets the time of a bubble go by.
func pass(d time.Duration) { <-time.After(d) }

func TestPoolExhausted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fake.New()
		p := openPool(t, hostOn(t, b, ""), plain, vzsandbox.PoolOptions{Size: 2, Max: 2})
		defer closeAll(t, p, b)
		synctest.Wait()
		if st := p.Status(); st.Idle != 2 || st.Making != 0 || st.Taken != 0 {
			t.Fatalf("a full pool is %+v", st)
		}
		var held []*vzsandbox.Sandbox
		for range 2 {
			s, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{})
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, s)
		}
		_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{})
		wantClass(t, "an empty pool", err, vzsandbox.ErrExhausted)
		wantClass(t, "an empty pool", err, vzcontract.ErrConflict)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		_, err = p.Acquire(ctx, vzsandbox.AcquireOptions{Wait: true})
		cancel()
		wantClass(t, "a wait that ends", err, vzcontract.ErrTimeout)
		got := make(chan *vzsandbox.Sandbox)
		go func() {
			s, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true})
			if err != nil {
				t.Error(err)
			}
			got <- s
		}()
		synctest.Wait()
		if err := p.Release(t.Context(), held[0]); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s == nil || s.ID() == held[0].ID() {
			t.Errorf("who waited got %v", s)
		}
	})
}

// TestPoolBreaker has a backend that fails: the pool tries less and less often, tells why,
// and is well as soon as the backend is.
func TestPoolBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{Backend: fake.New(), err: errDisk}
		p := openPool(t, hostOn(t, b, ""), plain, vzsandbox.PoolOptions{Size: 1})
		defer closeAll(t, p, b)
		began := time.Now()
		_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true})
		if !errors.Is(err, errDisk) || !errors.Is(err, vzcontract.ErrUnavailable) || !strings.Contains(err.Error(), "sandbox pool pool") {
			t.Errorf("a wait while making fails: %v", err)
		}
		if tries, took := b.tried(), time.Since(began); tries != 3 || took > 300*time.Millisecond {
			t.Errorf("the failure was told after %d tries, %s", tries, took)
		}
		_, err = p.Acquire(t.Context(), vzsandbox.AcquireOptions{})
		if !errors.Is(err, errDisk) || errors.Is(err, vzsandbox.ErrExhausted) {
			t.Errorf("an open breaker: %v", err)
		}
		pass(time.Hour)
		synctest.Wait()
		if tries := b.tried(); tries < 60 || tries > 140 {
			t.Errorf("%d tries in an hour", tries)
		}
		if st := p.Status(); !errors.Is(st.Err, errDisk) || st.RetryAt.IsZero() || st.Failures != b.tried() {
			t.Errorf("status = %+v after %d tries", st, b.tried())
		}
		b.fail(nil)
		pass(time.Minute)
		synctest.Wait()
		s, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if st := p.Status(); st.Err != nil || st.Failures != 0 {
			t.Errorf("status after a success = %+v", st)
		}
		if got := shell(t, s, "echo well"); got != "well\n" {
			t.Errorf("output = %q", got)
		}
	})
}

// TestPoolWaitsOutHiccup: one failure is not told to those who wait.
func TestPoolWaitsOutHiccup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{Backend: fake.New(), err: errDisk}
		p := openPool(t, hostOn(t, b, ""), plain, vzsandbox.PoolOptions{Size: 1})
		defer closeAll(t, p, b)
		time.AfterFunc(50*time.Millisecond, func() { b.fail(nil) })
		if _, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true}); err != nil {
			t.Error(err)
		}
	})
}

// TestPoolLastingFailure: what will not go away is told at once.
func TestPoolLastingFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &broken{Backend: fake.New()}
		p := openPool(t, hostOn(t, b, ""), vzsandbox.Template{Image: "nobody/nothing"}, vzsandbox.PoolOptions{Size: 1})
		defer closeAll(t, p, b)
		began := time.Now()
		_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true})
		wantClass(t, "a missing image", err, vzcontract.ErrNotFound)
		if tries, took := b.tried(), time.Since(began); tries > 2 || took > 0 {
			t.Errorf("it was told after %d tries, %s", tries, took)
		}
	})
}

// TestPoolCloseWhileWaiting ends those who wait, and what is being made.
func TestPoolCloseWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fake.New()
		h := hostOn(t, b, "")
		p := openPool(t, h, plain, vzsandbox.PoolOptions{Size: 1, Max: 1})
		defer closeAll(t, p, b)
		if _, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true}); err != nil {
			t.Fatal(err)
		}
		failed := make(chan error)
		go func() {
			_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Wait: true})
			failed <- err
		}()
		synctest.Wait()
		closed := make(chan error)
		go func() { closed <- p.Close(t.Context()) }()
		wantClass(t, "a pool that closes", <-failed, vzcontract.ErrConflict)
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if left, err := h.List(t.Context()); err != nil || len(left) > 0 {
			t.Errorf("left: %+v, %v", left, err)
		}
	})
}

// TestPoolTTL ends a sandbox that was handed out, and counts from then on.
func TestPoolTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tmpl := plain
		tmpl.TTL = time.Hour
		b := fake.New()
		h := hostOn(t, b, "")
		p := openPool(t, h, tmpl, vzsandbox.PoolOptions{Size: 1})
		defer closeAll(t, p, b)
		pass(24 * time.Hour)
		s, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if i, err := s.Info(t.Context()); err != nil || !i.ExpiresAt.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("it expires at %s, %v; now is %s", i.ExpiresAt, err, time.Now())
		}
		pass(time.Hour - time.Second)
		shell(t, s, "echo still")
		pass(2 * time.Second)
		synctest.Wait()
		_, err = s.Info(t.Context())
		wantClass(t, "a sandbox whose time is over", err, vzcontract.ErrNotFound)
		if st := p.Status(); st.Taken != 0 || st.Idle != 1 {
			t.Errorf("status = %+v", st)
		}
	})
}

// TestPoolRefuses what cannot be.
func TestPoolRefuses(t *testing.T) {
	h, _, root := newHost(t)
	limited := plain
	limited.Limits.Disk = 1
	for _, tt := range []struct {
		what  string
		tmpl  vzsandbox.Template
		opts  vzsandbox.PoolOptions
		class error
	}{
		{"no size", plain, vzsandbox.PoolOptions{Name: "p"}, vzcontract.ErrValidation},
		{"a bound below the size", plain, vzsandbox.PoolOptions{Name: "p", Size: 2, Max: 1}, vzcontract.ErrValidation},
		{"a bad name", plain, vzsandbox.PoolOptions{Name: "a/b", Size: 1}, vzcontract.ErrValidation},
		{"an unknown isolation", plain, vzsandbox.PoolOptions{Name: "p", Size: 1, Isolation: "some"}, vzcontract.ErrValidation},
		{"no image", vzsandbox.Template{}, vzsandbox.PoolOptions{Name: "p", Size: 1}, vzcontract.ErrValidation},
		{"a limit that cannot be", limited, vzsandbox.PoolOptions{Name: "p", Size: 1}, vzcontract.ErrUnsupported},
	} {
		_, err := h.NewPool(t.Context(), tt.tmpl, tt.opts)
		wantClass(t, tt.what, err, tt.class)
	}
	p := openPool(t, h, plain, vzsandbox.PoolOptions{Size: 1})
	defer func() { _ = p.Close(context.Background()) }()
	if why := h.Capabilities().Missing[vzsandbox.AbilityLiveMounts]; why != "" {
		_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Project: &vzsandbox.Project{Dir: root}, Wait: true})
		wantClass(t, "a mount where there are none", err, vzcontract.ErrUnsupported)
	}
	_, err := p.Acquire(t.Context(), vzsandbox.AcquireOptions{Labels: map[string]string{"vz.x": "y"}, Wait: true})
	wantClass(t, "a reserved label", err, vzcontract.ErrValidation)
}
