// A web service as one would be written: it answers with its version, says whether it is well, and ends by finishing what it began.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	text, _ := os.ReadFile("/usr/share/small-web/version")
	version := strings.TrimSpace(string(text))
	if len(os.Args) > 1 && os.Args[1] == "health" {
		answer, err := http.Get("http://127.0.0.1:8080/health")
		if err != nil || answer.StatusCode != 200 {
			fmt.Println("it is not well")
			os.Exit(1)
		}
		return
	}
	if strings.HasPrefix(version, "crash") {
		fmt.Println("it cannot go on")
		os.Exit(3)
	}
	began := time.Now()
	// One that is well at first, and sick after a while.
	isSick := func() bool { return strings.HasPrefix(version, "late") && time.Since(began) > 8*time.Second }
	http.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		if strings.HasPrefix(version, "sick") {
			w.WriteHeader(503)
		}
	})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if isSick() {
			w.WriteHeader(503)
		}
		time.Sleep(5 * time.Millisecond)
		fmt.Fprint(w, version)
	})
	server := &http.Server{Addr: ":8080"}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	go func() {
		// It takes a while before it listens, as services do.
		time.Sleep(500 * time.Millisecond)
		if err := server.ListenAndServe(); err != http.ErrServerClosed {
			fmt.Println(err)
			os.Exit(1)
		}
	}()
	<-ended
	limit, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = server.Shutdown(limit)
}
