"""Reminders of critical dates: which lie ahead, who is told of them when, and the calendars people subscribe to."""
