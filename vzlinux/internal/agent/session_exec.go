package agent

import (
	"context"

	"vz.internal/vzlinux/agentproto"
	"vz.internal/vzlinux/internal/agent/process"
)

func (s *session) addExec() {
	s.methods[agentproto.MethodExecStart] = typed(func(_ context.Context, in agentproto.ExecRequest) (agentproto.ExecStarted, error) {
		table := &s.processes
		if in.Detach {
			table = &s.agent.detached
		}
		return table.Start(in, &s.agent.streams)
	})
	s.methods[agentproto.MethodExecWait] = typed(func(ctx context.Context, in agentproto.ExecID) (agentproto.ExecStatus, error) {
		p, table, err := s.process(in.ID)
		if err != nil {
			return agentproto.ExecStatus{}, err
		}
		status, err := p.Wait(ctx)
		if err == nil {
			table.Forget(in.ID)
		}
		return status, err
	})
	s.methods[agentproto.MethodExecSignal] = plain(func(_ context.Context, in agentproto.SignalRequest) error {
		p, _, err := s.process(in.ID)
		if err != nil {
			return err
		}
		return p.Signal(in.Signal)
	})
	s.methods[agentproto.MethodExecResize] = plain(func(_ context.Context, in agentproto.ResizeRequest) error {
		p, _, err := s.process(in.ID)
		if err != nil {
			return err
		}
		return p.Resize(in.TermSize)
	})
	s.methods[agentproto.MethodExecKill] = plain(func(_ context.Context, in agentproto.ExecID) error {
		p, _, err := s.process(in.ID)
		if err == nil {
			p.Kill()
		}
		return err
	})
}

// process finds a program of this connection or a detached one.
func (s *session) process(id string) (*process.Process, *process.Table, error) {
	if p, err := s.processes.Get(id); err == nil {
		return p, &s.processes, nil
	}
	p, err := s.agent.detached.Get(id)
	return p, &s.agent.detached, err
}
