package plan

import "slices"

// service plans the containers of one service; those of the services that it
// needs are planned already.
func (m *maker) service(s *Service) {
	restart := m.followsRestart(s)
	byNumber := map[int][]Container{}
	for _, c := range m.replicas[s.Name] {
		if c.Number < 1 || c.Number > s.Replicas {
			m.stopAndRemove(c, nil)
			continue
		}
		byNumber[c.Number] = append(byNumber[c.Number], c)
	}
	for n := 1; n <= s.Replicas; n++ {
		c, settled := m.settle(s, n, byNumber[n])
		switch {
		case c == nil && m.opts.Existing:
		case c == nil:
			m.start(s, n, "", m.create(s, n, nil, m.needs(s)), false)
		case m.remade[s.Name] && (m.outdated(s, c) || m.sharedRemade(s)):
			m.recreate(s, n, *c, settled)
		case !c.Running():
			m.start(s, n, c.ID, settled, c.Exit != nil)
		case restart:
			stop := m.plan.add(Step{Kind: Stop, Name: c.Name, Service: s.Name, ID: c.ID, After: settled})
			m.start(s, n, c.ID, []int{stop}, true)
		default:
			m.ready[s.Name] = append(m.ready[s.Name], settled...)
			m.present[s.Name] = append(m.present[s.Name], settled...)
		}
	}
}

// settle finds the one container of a number. What an interrupted recreation
// left is undone or finished, by the steps that come before any other of it.
func (m *maker) settle(s *Service, n int, list []Container) (c *Container, after []int) {
	name := s.Container(m.want.Project, n)
	for i := range list {
		if list[i].Replaces == "" || list[i].Name == name {
			c = &list[i]
		}
	}
	for i := range list {
		switch {
		case &list[i] == c:
		case c == nil:
			c = &list[i]
			after = []int{m.plan.add(Step{Kind: Rename, Name: name, As: c.Name, Service: s.Name, ID: c.ID})}
		default:
			after = append(after, m.stopAndRemove(list[i], nil)) // its name may be needed
		}
	}
	return c, after
}

func (m *maker) sharedRemade(s *Service) bool {
	return slices.ContainsFunc(s.SharesWith, func(other string) bool { return m.remade[other] })
}

// followsRestart reports whether a dependency with restart: true is made anew
// or restarted.
func (m *maker) followsRestart(s *Service) bool {
	return !m.opts.NoDeps && slices.ContainsFunc(s.DependsOn, func(d Dependency) bool { return d.Restart && m.remade[d.Service] })
}

// needs are the steps before a container of the service can be made.
func (m *maker) needs(s *Service) []int {
	var after []int
	for _, at := range s.Run.Networks {
		if step, ok := m.networks[at.Network]; ok {
			after = append(after, step)
		}
	}
	for _, mount := range s.Run.Mounts {
		if step, ok := m.volumes[mount.Source]; ok {
			after = append(after, step)
		}
	}
	for _, other := range s.SharesWith {
		after = append(after, m.present[other]...)
	}
	return after
}

// create plans a container; old is the one that it follows.
func (m *maker) create(s *Service, n int, old *Container, after []int) []int {
	step := Step{Kind: Create, Name: s.Container(m.want.Project, n), Service: s.Name, Number: n, After: after}
	if c, ok := m.cleared[step.Name]; ok {
		step.Replaces = c.ID
	}
	if old != nil {
		step.Replaces = old.ID
		if !m.opts.InPlace {
			step.As = old.ID[:min(12, len(old.ID))] + "_" + step.Name
		}
	}
	if m.opts.RenewVolumes {
		step.Replaces = ""
	}
	return []int{m.plan.add(step)}
}

// recreate puts a new container in the place of an old one. The new one is
// made first, so that a wrong setting or image leaves the old one running.
func (m *maker) recreate(s *Service, n int, old Container, settled []int) {
	if m.opts.InPlace {
		gone := m.stopAndRemove(old, settled)
		m.start(s, n, "", m.create(s, n, &old, append(m.needs(s), gone)), old.Exit != nil)
		return
	}
	created := m.create(s, n, &old, append(m.needs(s), settled...))
	gone := m.stopAndRemove(old, created)
	made := m.plan.Steps[created[0]]
	final := m.plan.add(Step{Kind: Rename, Name: made.Name, As: made.As, Service: s.Name, After: []int{gone}})
	m.start(s, n, "", []int{final}, false)
}

// stopAndRemove returns the step after which the container is gone.
func (m *maker) stopAndRemove(c Container, after []int) int {
	if c.Running() {
		after = []int{m.plan.add(Step{Kind: Stop, Name: c.Name, Service: c.Service, ID: c.ID, After: after})}
	}
	return m.plan.add(Step{Kind: Remove, Name: c.Name, Service: c.Service, ID: c.ID, After: after})
}

// start plans to start a container once what it depends on is as it must be.
func (m *maker) start(s *Service, n int, id string, present []int, rerun bool) {
	m.present[s.Name] = append(m.present[s.Name], present...)
	if m.opts.NoStart {
		m.ready[s.Name] = append(m.ready[s.Name], present...)
		return
	}
	after := slices.Clone(present)
	for _, other := range s.SharesWith {
		after = append(after, m.ready[other]...)
	}
	if !m.opts.NoDeps {
		for _, d := range s.DependsOn {
			after = append(after, m.await(d)...)
		}
	}
	step := m.plan.add(Step{Kind: Start, Name: s.Container(m.want.Project, n), Service: s.Name, ID: id, After: after, Rerun: rerun})
	m.ready[s.Name] = append(m.ready[s.Name], step)
}

// await returns the steps after which a dependency's condition holds.
func (m *maker) await(d Dependency) []int {
	ready := m.ready[d.Service]
	if d.Condition == Started && !d.Optional || m.want.Service(d.Service) == nil {
		return ready
	}
	key := waitKey{d.Service, d.Condition, d.Optional}
	if _, ok := m.waits[key]; !ok {
		m.waits[key] = m.plan.add(Step{Kind: Wait, Name: d.Service, Condition: d.Condition, Optional: d.Optional, After: slices.Clone(ready)})
	}
	return []int{m.waits[key]}
}
