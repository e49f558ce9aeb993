package vzoci

import (
	"context"
	"slices"
	"time"
)

// A HistoryEntry is one step that made an image.
type HistoryEntry struct {
	ID        string // of the image, for the last step; "" for others
	Created   time.Time
	CreatedBy string
	Size      int64 // bytes on disk
	Comment   string
	Empty     bool // the step made no layer
}

// History returns the steps, the newest first. Layers that the config tells
// nothing about are steps without a text.
func (s *Store) History(ctx context.Context, ref string) ([]HistoryEntry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	f, err := s.find(ref)
	if err != nil {
		return nil, failure("history of", ref, err)
	}
	_, config, err := s.documents(f.image)
	if err != nil {
		return nil, failure("history of", ref, err)
	}
	var list []HistoryEntry
	layers := f.image.Layers
	for _, h := range config.History {
		e := HistoryEntry{Created: h.Created.Time, CreatedBy: h.CreatedBy, Comment: h.Comment, Empty: h.EmptyLayer}
		if !h.EmptyLayer && len(layers) > 0 {
			e.Size, layers = layers[0].Size, layers[1:]
		}
		list = append(list, e)
	}
	for _, l := range layers {
		list = append(list, HistoryEntry{Created: config.Created.Time, Size: l.Size})
	}
	slices.Reverse(list)
	if len(list) > 0 {
		list[0].ID = f.image.Info.ID
	}
	return list, nil
}
