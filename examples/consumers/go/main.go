// Reads Relax's queue; see ../../README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

type event struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Team    string `json:"team_uid"`
	Channel string `json:"channel_uid"`
	User    string `json:"user_uid"`
	Text    string `json:"text"`
}

func handle(e event) {
	fmt.Println(e.Type, e.Team, e.Channel, e.Text)
}

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func main() {
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	if err := run(stop); err != nil {
		log.Fatal(err)
	}
}

func run(stop context.Context) error {
	host, _ := os.Hostname()
	queue, urgent := env("RELAX_QUEUE", "relax:events"), env("RELAX_QUEUE_URGENT", "")
	processing := "{" + queue + "}:processing:" + env("CONSUMER", host)

	stop, cancel := context.WithCancel(stop)
	defer cancel()
	ended := make(chan error, 2)
	readers := 1
	go func() { ended <- read(stop, queue, processing) }()
	if urgent != "" {
		readers++
		go func() { ended <- read(stop, urgent, processing+":urgent") }()
	}
	var failed error
	for ; readers > 0; readers-- {
		failed = errors.Join(failed, <-ended)
		cancel() // one that failed ends the other, too
	}
	return failed
}

// Reads one list, on a client of its own.
func read(stop context.Context, queue, processing string) error {
	// Commands run on a context of their own: one that is cut off after the server did its part would lose the answer.
	ctx := context.Background()
	options, err := redis.ParseURL(env("REDIS_URL", "redis://127.0.0.1:6379"))
	if err != nil {
		return err
	}
	client := redis.NewClient(options)
	defer client.Close()

	// What an earlier run left behind goes back to the head, in its order.
	for err == nil {
		err = client.LMove(ctx, processing, queue, "RIGHT", "LEFT").Err()
	}
	if !errors.Is(err, redis.Nil) {
		return err
	}

	for stop.Err() == nil {
		item, err := client.BLMove(ctx, queue, processing, "LEFT", "RIGHT", 5*time.Second).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return err
		}
		var e event
		if err := json.Unmarshal([]byte(item), &e); err != nil {
			return err
		}
		handle(e)
		if err := client.LRem(ctx, processing, 1, item).Err(); err != nil {
			return err
		}
	}
	return nil
}
