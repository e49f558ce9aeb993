package channel

import (
	"context"
	"runtime/debug"

	"vz.internal/vzcontract"
)

// maxIdle is how many goroutines wait for further jobs. They have the stack that jobs
// need, which is what costs most in making new ones.
const maxIdle = 16

// work does a job and others after it, until ctx ends or enough workers wait already.
func (s *server) work(ctx context.Context, j *job) {
	for {
		s.answer(j)
		if !s.waits(1) {
			return
		}
		select {
		case j = <-s.idle:
			s.waits(-1)
		case <-ctx.Done():
			return
		}
	}
}

// waits counts a worker that begins to wait or ends it, and reports whether it may.
func (s *server) waits(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rest+n > maxIdle {
		return false
	}
	s.rest += n
	return true
}

// answer does a job and puts its answer into the outbox, come what may.
func (s *server) answer(j *job) {
	var frame []byte
	defer func() {
		if p := recover(); p != nil {
			s.cfg.log.Error("a handler panicked", "panic", p, "stack", string(debug.Stack()))
			frame = failureFrame(j.id, vzcontract.Errorf(vzcontract.ErrInternal, "the handler panicked: %v", p))
		} else if frame == nil {
			frame = failureFrame(j.id, vzcontract.Errorf(vzcontract.ErrInternal, "the handler has ended its goroutine"))
		}
		j.cancel()
		s.out.put(letter{j.id, frame})
	}()
	response, err := s.do(j.ctx, j.body)
	if err == nil {
		frame, _, err = valueFrame(kindAnswer, j.id, "body", response)
	}
	if err != nil {
		frame = failureFrame(j.id, err)
	}
}
