package vzstack

import (
	"context"
	"errors"
	"sync"
	"time"

	"vz.internal/vzcontract"
	"vz.internal/vzstack/compose"
	"vz.internal/vzstack/plan"
)

// refresh fetches, side by side and each once, the images that are to be
// fetched though they may be here, so that the plan sees whether they changed.
func (s *Stack) refresh(ctx context.Context, d *plan.Desired, record *Record, policy vzcontract.PullPolicy) error {
	due := map[string]*plan.Service{}
	for i := range d.Services {
		service := &d.Services[i]
		if policy != "" && !service.Build {
			service.Run.Pull = policy
		}
		last, known := record.Pulled[service.Run.Image]
		stale := service.RefreshAfter > 0 && known && time.Since(last) > service.RefreshAfter
		if stale {
			service.Run.Pull = vzcontract.PullAlways
		}
		if service.RefreshAfter > 0 && (stale || !known) {
			if record.Pulled == nil {
				record.Pulled = map[string]time.Time{}
			}
			record.Pulled[service.Run.Image] = time.Now()
		}
		if service.Run.Pull == vzcontract.PullAlways {
			due[service.Run.Image+" "+service.Run.Platform] = service
		}
	}
	return s.pullAll(ctx, due)
}

func (s *Stack) pullAll(ctx context.Context, due map[string]*plan.Service) error {
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		errs  []error
	)
	for _, service := range due {
		group.Go(func() {
			err := s.pullImage(ctx, service)
			mu.Lock()
			defer mu.Unlock()
			errs = append(errs, err)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// Pull fetches the images of all services of the project; those that were to
// be built are left out.
func (s *Stack) Pull(ctx context.Context, p *compose.Project, policy vzcontract.PullPolicy) error {
	d, err := p.Desired(ctx, s.Host(p.Name))
	if err != nil {
		return err
	}
	due := map[string]*plan.Service{}
	for i := range d.Services {
		service := &d.Services[i]
		if service.Build {
			s.cfg.Warn("service " + service.Name + ": its image was to be built and is not pulled")
			continue
		}
		if service.Run.Pull = policy; policy == "" {
			service.Run.Pull = vzcontract.PullAlways
		}
		due[service.Run.Image+" "+service.Run.Platform] = service
	}
	return s.pullAll(ctx, due)
}
