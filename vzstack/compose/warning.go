package compose

import (
	"io"
	"slices"
	"sync"

	"github.com/sirupsen/logrus"
)

// collecting serialises the use of the parser's one logger.
var collecting sync.Mutex

// collectWarnings runs f and returns what compose-go warns of meanwhile. It
// writes to a global logger, so that is where the warnings are found.
func collectWarnings(f func()) []string {
	collecting.Lock()
	defer collecting.Unlock()
	logger := logrus.StandardLogger()
	hook := &collector{}
	out := logger.Out
	hooks := logger.ReplaceHooks(logrus.LevelHooks{})
	logger.AddHook(hook)
	logger.SetOutput(io.Discard)
	defer func() {
		logger.SetOutput(out)
		logger.ReplaceHooks(hooks)
	}()
	f()
	return hook.texts
}

type collector struct{ texts []string }

// Levels implements logrus.Hook.
func (c *collector) Levels() []logrus.Level {
	return []logrus.Level{logrus.WarnLevel, logrus.ErrorLevel}
}

// Fire implements logrus.Hook.
func (c *collector) Fire(e *logrus.Entry) error {
	if !slices.Contains(c.texts, e.Message) {
		c.texts = append(c.texts, e.Message)
	}
	return nil
}
