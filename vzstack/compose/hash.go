package compose

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"vz.internal/vzstack/plan"
)

// hashOf is over the JSON of v, whose maps are sorted.
func hashOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("compose: configuration does not marshal: " + err.Error()) // plain data
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// serviceHash is over all that needs a new container when it changes. Where
// the files are and how the image is fetched does not.
func serviceHash(s *plan.Service) string {
	run := s.Run
	run.Pull = ""
	labels := map[string]string{}
	for k, v := range run.Labels {
		switch k {
		case plan.LabelDir, plan.LabelFiles, plan.LabelDependsOn, plan.LabelVersion:
		default:
			labels[k] = v
		}
	}
	run.Labels = labels
	return hashOf(struct {
		Run  any
		Name string
	}{run, s.ContainerName})
}
