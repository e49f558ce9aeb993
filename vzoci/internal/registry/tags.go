package registry

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Tags returns up to limit tags of the repository.
func (r *Repository) Tags(ctx context.Context, limit int) ([]string, error) {
	e := r.client.registryEndpoint(r.registry)
	resp, err := e.do(ctx, request{
		method: http.MethodGet,
		path:   r.name + "/tags/list",
		query:  url.Values{"n": {strconv.Itoa(limit)}},
		scope:  pullScope(r.name),
	})
	if err != nil {
		return nil, err
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusOK {
		return nil, e.failure(resp, r.name, "")
	}
	var list struct {
		Tags []string `json:"tags"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, MaxManifestSize)).Decode(&list); err != nil {
		return nil, e.unreachable(err)
	}
	for i, t := range list.Tags {
		list.Tags[i] = oneLine(t)
	}
	return list.Tags[:min(limit, len(list.Tags))], nil
}
