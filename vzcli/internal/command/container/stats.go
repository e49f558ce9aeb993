package container

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"vz.internal/vzcli/internal/command"
	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

type stats struct {
	Containers []string `arg:"" optional:"" name:"container" help:"Containers; all running ones without."`
	StatsArgs
}

var statsListing = output.Listing{
	Columns: []string{"ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs"}, Quiet: "ID",
	Headers: map[string]string{
		"ID": "CONTAINER ID", "CPUPerc": "CPU %", "MemUsage": "MEM USAGE / LIMIT", "MemPerc": "MEM %", "NetIO": "NET I/O", "BlockIO": "BLOCK I/O",
	},
}

// interval is the time between two samples of the CPU and two pictures.
const interval = time.Second

// Run implements command.Verb.
func (c *stats) Run(env *command.Env) error {
	s, err := env.Services()
	if err != nil {
		return err
	}
	meter, err := command.Need[vzcontract.Statser](s, vzcontract.FeatureStats)
	if err != nil {
		return err
	}
	old := map[string]vzcontract.Stats{}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	_, screen := command.Terminal(env.Stdout)
	for round := 0; ; round++ {
		infos, err := c.containers(env, s)
		if err != nil {
			return err
		}
		rows, now, err := c.sample(env.Ctx, meter, infos, old)
		if err != nil {
			return err
		}
		old = now
		if round > 0 || len(rows) == 0 && c.NoStream { // the first round only gives the CPU a start
			if err := c.print(env, rows, screen && !c.NoStream); err != nil || c.NoStream {
				return err
			}
		}
		select {
		case <-tick.C:
		case <-env.Ctx.Done():
			return env.Ctx.Err()
		}
	}
}

func (c *stats) containers(env *command.Env, s *command.Services) ([]vzcontract.ContainerInfo, error) {
	if len(c.Containers) == 0 {
		all, err := s.Backend.List(env.Ctx)
		var shown []vzcontract.ContainerInfo
		for _, info := range all {
			if c.All || info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused {
				shown = append(shown, info)
			}
		}
		return shown, err
	}
	var shown []vzcontract.ContainerInfo
	for _, name := range c.Containers {
		info, err := s.Backend.Inspect(env.Ctx, name)
		if err != nil {
			return nil, err
		}
		shown = append(shown, info)
	}
	return shown, nil
}

// sample measures all containers at once. One that cannot be measured is shown
// as docker shows a stopped one; where nothing is measured for want of an ability, that is
// the error.
func (c *stats) sample(ctx context.Context, meter vzcontract.Statser, infos []vzcontract.ContainerInfo, old map[string]vzcontract.Stats) ([]output.Row, map[string]vzcontract.Stats, error) {
	samples := make([]vzcontract.Stats, len(infos))
	errs := make([]error, len(infos))
	var wg sync.WaitGroup
	for i, info := range infos {
		wg.Go(func() {
			if info.State == vzcontract.StateRunning || info.State == vzcontract.StatePaused {
				samples[i], errs[i] = meter.Stats(ctx, info.ID)
			} else {
				errs[i] = vzcontract.ErrConflict
			}
		})
	}
	wg.Wait()
	now := map[string]vzcontract.Stats{}
	var rows []output.Row
	var lacking error
	for i, info := range infos {
		before, known := old[info.ID]
		switch {
		case errs[i] == nil:
			now[info.ID] = samples[i]
		case errors.Is(errs[i], vzcontract.ErrUnsupported):
			lacking = errs[i]
		}
		rows = append(rows, c.row(info, samples[i], before, errs[i] == nil, known))
	}
	if len(now) > 0 {
		lacking = nil // the others tell it by their dashes
	}
	return rows, now, lacking
}

func (c *stats) row(info vzcontract.ContainerInfo, s, before vzcontract.Stats, measured, known bool) output.Row {
	id := output.ShortID(info.ID)
	if c.NoTrunc {
		id = info.ID
	}
	r := output.Row{"ID": id, "Container": id, "Name": info.Name}
	if !measured {
		for _, name := range statsListing.Columns[2:] {
			r[name] = "--"
		}
		r["MemUsage"], r["NetIO"], r["BlockIO"] = "-- / --", "--", "--"
		return r
	}
	cpu := 0.0
	if took := s.Time.Sub(before.Time); known && took > 0 {
		cpu = 100 * float64(s.CPU-before.CPU) / float64(took)
	}
	memory := 0.0
	if s.MemoryLimit > 0 {
		memory = 100 * float64(s.Memory) / float64(s.MemoryLimit)
	}
	var rx, tx uint64
	for _, n := range s.Network {
		rx += n.RxBytes
		tx += n.TxBytes
	}
	r["CPUPerc"] = fmt.Sprintf("%.2f%%", cpu)
	r["MemUsage"] = output.BinarySize(s.Memory) + " / " + output.BinarySize(s.MemoryLimit)
	r["MemPerc"] = fmt.Sprintf("%.2f%%", memory)
	r["NetIO"] = output.Size(int64(rx)) + " / " + output.Size(int64(tx))
	r["BlockIO"] = output.Size(int64(s.BlockRead)) + " / " + output.Size(int64(s.BlockWrite))
	r["PIDs"] = fmt.Sprint(s.PIDs)
	return r
}

// print draws one picture; on a screen it takes the place of the last.
func (c *stats) print(env *command.Env, rows []output.Row, screen bool) error {
	var picture bytes.Buffer
	if screen {
		picture.WriteString("\x1b[H\x1b[J")
	}
	err := statsListing.Print(&picture, env.Listing(c.Format, false), rows)
	_, writeErr := env.Stdout.Write(picture.Bytes())
	return errors.Join(err, writeErr)
}
