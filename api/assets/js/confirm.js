// A second thought before what cannot be undone. Without scripts the form is sent at once, and the
// page that it is on says what it does.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});
