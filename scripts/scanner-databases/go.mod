module tidemill.invalid/scanner-databases

go 1.26

require (
	github.com/anchore/grype v0.121.3
	github.com/spf13/afero v1.15.0
	go.etcd.io/bbolt v1.5.0
)
