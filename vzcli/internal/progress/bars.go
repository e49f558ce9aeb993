package progress

import (
	"io"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"vz.internal/vzcli/internal/output"
	"vz.internal/vzcontract"
)

// bars draws one bar per blob.
type bars struct {
	pool *mpb.Progress

	mu   sync.Mutex
	bars map[string]*bar // by digest; guarded by mu
}

type bar struct {
	*mpb.Bar
	mu    sync.Mutex
	phase string // guarded by mu
}

func newBars(w io.Writer) *bars {
	return &bars{pool: mpb.New(mpb.WithOutput(w), mpb.WithWidth(40)), bars: map[string]*bar{}}
}

func (b *bars) Update(u vzcontract.PullProgress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	row := b.bars[u.Digest]
	if row == nil {
		row = b.add(u)
	}
	row.mu.Lock()
	row.phase = u.Phase
	row.mu.Unlock()
	if u.Phase == "done" || u.Phase == "exists" {
		row.SetTotal(max(u.Total, u.Done, 1), true)
		return
	}
	if u.Total > 0 {
		row.SetTotal(u.Total, false)
	}
	row.SetCurrent(u.Done)
}

func (b *bars) add(u vzcontract.PullProgress) *bar {
	row := &bar{}
	phase := decor.Any(func(decor.Statistics) string {
		row.mu.Lock()
		defer row.mu.Unlock()
		return " " + row.phase
	}, decor.WCSyncSpaceR)
	row.Bar = b.pool.AddBar(max(u.Total, 1),
		mpb.PrependDecorators(decor.Name(output.ShortID(u.Digest)+" "), phase),
		mpb.AppendDecorators(decor.CountersKiloByte("% .1f / % .1f"), decor.Name("  "), decor.AverageSpeed(decor.SizeB1000(0), "% .1f")))
	b.bars[u.Digest] = row
	return row
}

// Close lets the bars show their last state.
func (b *bars) Close() {
	b.mu.Lock()
	for _, row := range b.bars {
		row.Abort(false) // no effect on a bar that is complete
	}
	b.mu.Unlock()
	b.pool.Wait()
}
