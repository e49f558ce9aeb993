package poolsocket

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzsandbox"
	"vz.internal/vzsandbox/channel"
)

// A Server answers for a pool.
type Server struct {
	Pool *vzsandbox.Pool
	// Size and Image are told by Status.
	Size  int
	Image string
	// End closes the pool and gives its name up. Serve calls it once, when ctx ends or
	// somebody asks for the end, who then gets its error.
	End func() error

	since time.Time
	stop  context.CancelFunc
	ended chan struct{} // closed when End has returned
	err   error         // of End; to be read when ended is closed
}

// endTime bounds how long answers may take to leave after the end.
const endTime = time.Second

// Serve answers requests that come over l until ctx ends or somebody asks for the end.
// It closes l and returns the error of End.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	life, stop := context.WithCancel(ctx)
	defer stop()
	s.since, s.stop, s.ended = time.Now().UTC(), stop, make(chan struct{})
	var conns sync.WaitGroup
	talk, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	accepted := make(chan error, 1)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				stop()
				accepted <- err
				return
			}
			conns.Go(func() { s.serve(talk, conn) })
		}
	}()
	<-life.Done()
	err := l.Close()
	if failed := <-accepted; !errors.Is(failed, net.ErrClosed) {
		err = errors.Join(failed, err)
	}
	s.err = s.End()
	close(s.ended)
	last := time.AfterFunc(endTime, hangUp) // callers that have their answers hang up themselves
	defer last.Stop()
	conns.Wait()
	return errors.Join(err, s.err)
}

// A connection remembers what was acquired over it and not yet taken.
type connection struct {
	*Server
	mu      sync.Mutex
	pending map[string]*vzsandbox.Sandbox // by id; guarded by mu
}

func (s *Server) serve(ctx context.Context, conn net.Conn) {
	c := &connection{Server: s, pending: map[string]*vzsandbox.Sandbox{}}
	// How a connection ends is its client's business.
	_ = channel.Serve(ctx, conn, c.handle)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, box := range c.pending {
		c.discard(box)
	}
}

// discard removes a sandbox that nobody got.
func (c *connection) discard(box *vzsandbox.Sandbox) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_ = box.Remove(ctx) // what stays is listed, and can be removed by hand
}

func (c *connection) handle(ctx context.Context, r request) (response, error) {
	switch {
	case r.Acquire != nil:
		return c.acquire(ctx, *r.Acquire)
	case r.Taken != "":
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.pending, r.Taken)
		return response{}, nil
	case r.Status:
		return response{Status: c.status()}, nil
	case r.Stop:
		c.stop()
		<-c.ended
		return response{}, c.err
	}
	return response{}, vzcontract.Errorf(vzcontract.ErrUnsupported, "the process of the pool does not know this request; it is of another release")
}

func (c *connection) acquire(ctx context.Context, r AcquireRequest) (response, error) {
	box, err := c.Pool.Acquire(ctx, vzsandbox.AcquireOptions{
		Project: r.Project, Name: r.Name, Labels: r.Labels, Metadata: r.Metadata, Wait: r.Wait, Keep: true,
	})
	if err != nil {
		return response{}, err
	}
	c.mu.Lock()
	c.pending[box.ID()] = box
	c.mu.Unlock()
	return response{Acquired: &Acquired{ID: box.ID(), Name: box.Name(), Workspace: box.Workspace()}}, nil
}

func (s *Server) status() *Status {
	st := &Status{PoolStatus: s.Pool.Status(), Size: s.Size, Image: s.Image, PID: os.Getpid(), Since: s.since}
	if st.Err != nil {
		st.Error = st.Err.Error()
	}
	return st
}
